"""The weight of what was drawn, and the beta that it comes of."""

from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, NotEnoughItems
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from tests.middleware.prioritized import PRIORITIES, buffer_with, weights_of


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_a_weight_is_that_of_the_paper_normalised_by_the_largest_of_the_buffer(alpha, beta):
    buffer = buffer_with(PriorityExperienceReplay(None, True, alpha, beta, 0))
    p = (np.array(PRIORITIES) + 1e-5) ** alpha
    weights = (len(p) * p / p.sum()) ** -beta
    expected = weights / weights.max()

    found = weights_of(buffer.sample(2000))

    assert found == {number: pytest.approx(expected[number], rel=1e-9) for number in found}
    assert {2, 3, 4} <= set(found)


def test_a_weight_by_rank_follows_from_the_rank():
    buffer = buffer_with(PriorityExperienceReplay(mode="rank", IS_weight_anneal_train_iter=0))
    ranks = np.array([5, 4, 3, 2, 1])
    expected = ((ranks**-0.6) / 5**-0.6) ** -0.4

    assert {n: pytest.approx(expected[n]) for n in range(5)} == weights_of(buffer.sample(2000))


def test_beta_rises_to_one_over_the_annealing_samples_and_stays():
    layer = PriorityExperienceReplay(IS_weight_power_factor=0.4, IS_weight_anneal_train_iter=4)
    buffer = buffer_with(layer, [1.0, 2.0])
    ratio = ((2.0 + 1e-5) / (1.0 + 1e-5)) ** 0.6

    seen = [(layer.IS_weight_power_factor, weights_of(buffer.sample(50))[1]) for _ in range(6)]

    betas = [0.4, 0.55, 0.7, 0.85, 1.0, 1.0]
    assert betas == pytest.approx([beta for beta, _ in seen])
    assert [ratio**-beta for beta in betas] == pytest.approx([weight for _, weight in seen])
    assert 1.0 == buffer.stats()["PriorityExperienceReplay"]["beta"]


def test_a_beta_schedule_is_asked_with_the_samples_so_far():
    asked = []

    def schedule(samples: int) -> float:
        asked.append(samples)
        return 0.5 * samples

    layer = PriorityExperienceReplay(beta_schedule=schedule)
    buffer = buffer_with(layer, [1.0, 2.0])
    ratio = ((2.0 + 1e-5) / (1.0 + 1e-5)) ** 0.6

    found = [weights_of(buffer.sample(50))[1] for _ in range(3)]

    assert [pytest.approx(ratio**-beta) for beta in (0.0, 0.5, 1.0)] == found
    assert [0, 1, 2] == asked


@pytest.mark.parametrize("beta", [float("nan"), -0.1, float("inf"), "0.4", None])
def test_a_beta_that_is_no_exponent_is_refused(beta):
    buffer = DequeBuffer(4, seed=0).use(PriorityExperienceReplay(beta_schedule=lambda samples: beta))
    buffer.push("a")

    with pytest.raises(BadArgument, match="beta_schedule"):
        buffer.sample(1)


def test_a_refused_sample_does_not_move_beta():
    layer = PriorityExperienceReplay(IS_weight_anneal_train_iter=10)
    buffer = DequeBuffer(3, seed=0).use(layer)

    with pytest.raises(NotEnoughItems):
        buffer.sample(1)

    assert 0.4 == layer.IS_weight_power_factor


def test_a_layer_inside_may_take_items_out_of_the_batch():
    def only_even(action, chain, *args, **kwargs):
        batch = chain(*args, **kwargs)
        return [item for item in batch if item.data % 2 == 0] if action == "sample" else batch

    buffer = buffer_with(PriorityExperienceReplay(IS_weight_anneal_train_iter=0)).use(only_even)
    p = (np.array(PRIORITIES) + 1e-5) ** 0.6
    expected = (p / p.min()) ** -0.4

    found = weights_of(buffer.sample(500))

    assert {2: pytest.approx(expected[2]), 4: pytest.approx(expected[4])} == {
        n: w for n, w in found.items() if n
    }


def test_an_item_on_its_last_use_still_carries_its_weight():
    buffer = buffer_with(PriorityExperienceReplay(), [1.0, 1.0]).use(use_time_check(max_use=1))

    batch = buffer.sample(2)

    assert [1.0, 1.0] == [item.meta["priority_IS"] for item in batch]
    assert 0 == len(buffer)
