from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import (
    ChainError,
    UnknownIndex,
)
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.group_sampling import group_sample
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.pad import padding
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.range_view import sample_range_view
from ding_buffer.middleware.rate_limits import rate_limit
from ding_buffer.middleware.sequences import sequence
from ding_buffer.middleware.stale import staleness_check
from ding_buffer.middleware.use_count import use_time_check
from tests.middleware.rate_limited import STORAGES, made
from tests.middleware.side_threads import running, until
from tests.storages.shared_processes import pair, row


@pytest.mark.parametrize(
    "outer", [PriorityExperienceReplay, lambda: sequence(2), staleness_check, lambda: group_sample(2)]
)
def test_it_stands_outside_all_that_draws(outer):
    # W10: inside PER, DI-engine's broke on the None of a refused push.
    with pytest.raises(ChainError, match="Use rate_limit first"):
        DequeBuffer(9).use(outer()).use(rate_limit())
    DequeBuffer(9).use(rate_limit()).use(outer())


def test_a_foreign_layer_that_drew_further_out_is_told_instead_of_getting_other_items():
    class Draws(Middleware):
        """Names slots, as a layer that draws does."""

        def sample(self, chain, size=None, **query):
            return chain(size=size, indices=np.arange(size))

    buffer = DequeBuffer(9, seed=0).use(Draws(), rate_limit(1, slack=3, timeout=0))
    buffer.extend(range(3))
    assert 3 == len(buffer.sample(3))

    with pytest.raises(ChainError, match="Use rate_limit first"):
        buffer.sample(3)


LAYERS = {
    "clone_object": clone_object,
    "use_time_check": lambda: use_time_check(max_use=1),
    "sample_range_view": lambda: sample_range_view(start=-8),
    "n_step": lambda: n_step(1, 0.9),
    "padding": padding,
    "PriorityExperienceReplay": PriorityExperienceReplay,
}
PAIRS = [(name, outside) for name in LAYERS for outside in (True, False)]
PAIRS.remove(("PriorityExperienceReplay", True))
PAIRS.remove(("padding", False))


@STORAGES
@pytest.mark.parametrize(("name", "outside"), PAIRS)
def test_what_was_there_before_a_wait_is_not_drawn_after_it(storage, name, outside):
    """While a batch waits, all items are replaced by others."""
    buffer = DequeBuffer(8, storage=storage(), seed=0)
    layer, other = rate_limit(0.5, min_size=8), LAYERS[name]()
    buffer.use(*([other, layer] if outside else [layer, other]))
    view = buffer.view()
    for number in range(7):
        buffer.push({"reward": float(number), "next_obs": 0, "done": False}, meta={"env": 0})
    with running(lambda: buffer.sample(4)) as results:
        until(lambda: layer.why_blocked() is not None)
        with buffer.store.lock:
            for number in range(100, 120):
                view.push({"reward": float(number), "next_obs": 0, "done": False}, meta={"env": 0})

    assert 4 == len(results[0])
    assert all(item.data["reward"] >= 112 for item in results[0])
    buffer.store.check()


def test_a_sample_waits_for_what_another_process_pushes():
    one, other = pair(8)
    layer = rate_limit(2, slack=20, min_size=4)
    other.use(layer)
    with running(lambda: other.sample(3)) as results:
        until(lambda: layer.why_blocked() is not None)
        for number in range(5):
            one.push(row(number))

    assert 3 == len(results[0])
    assert layer.stats()["pushed"] in (4, 5)
    assert 5 == len(other) == layer.stats()["pushed"]


def test_an_index_that_goes_while_it_is_waited_for_is_told_to_be_gone():
    buffer, layer = made(min_size=3, held=2, size=3)
    index = buffer[0].index
    with running(lambda: buffer.sample(indices=[index])) as results:
        until(lambda: layer.why_blocked() is not None)
        with buffer.store.lock:
            buffer.extend(range(3))

    assert isinstance(results[0], UnknownIndex)
