from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadPriority
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.distribution import surprise
from ding_buffer.testing.middleware_suite import MiddlewareSuite

LIMIT = 3.72  # a standard normal deviate lies above it with a probability of 1e-4
PRIORITIES = np.array([0.2, 3.0, 1.0, 7.5, 0.5, 2.0, 4.0, 1.5])


class TestPrioritizedTransitions(MiddlewareSuite):
    """Weights come into payloads too."""

    def make_layer(self):
        return PriorityExperienceReplay()

    def meta(self, number):
        return {"priority": float(number * 7 % 5)}

    def payload(self, number):
        return {"n": number, "obs": np.full(2, number)}

    def same(self, left, right):
        return left["n"] == right["n"] and np.array_equal(left["obs"], right["obs"])


def empty(size: int = 8, storage: Any = ColumnStorage, **settings: Any) -> DequeBuffer:
    return DequeBuffer(size, storage=storage(), seed=0).use(PriorityExperienceReplay(**settings))


def filled(**settings: Any) -> DequeBuffer:
    buffer = empty(**settings)
    buffer.extend({"n": np.arange(8)}, meta={"priority": PRIORITIES, "env": np.arange(8) // 4})
    return buffer


def masses(alpha: float, mode: str = "proportional") -> np.ndarray:
    if mode == "rank":
        return (1.0 + np.argsort(np.argsort(-PRIORITIES))) ** -alpha
    return (PRIORITIES + 1e-5) ** alpha


def priorities(buffer: DequeBuffer) -> list[Any]:
    """What each item is drawn by, oldest first."""
    layer: Any = buffer._middleware[0]
    return layer._sampler.priorities(buffer.store.live()).tolist()


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(
    ("mode", "alpha"), [("proportional", 0.6), ("proportional", 1.0), ("rank", 0.7), ("proportional", 0.0)]
)
def test_items_are_drawn_and_weighed_as_their_priorities_say(mode, alpha, stratified):
    buffer = filled(
        mode=mode,
        priority_power_factor=alpha,
        stratified=stratified,
        IS_weight_power_factor=0.4,
        IS_weight_anneal_train_iter=0,
    )
    mass, counts = masses(alpha, mode), np.zeros(8)
    for _ in range(250):
        batch = buffer.sample(200)
        np.add.at(counts, batch.data["n"], 1)
        np.testing.assert_allclose((mass / mass.min())[batch.data["n"]] ** -0.4, batch.meta["priority_IS"])

    expected = counts.sum() * mass / mass.sum()
    assert 50_000 == counts.sum()
    assert LIMIT > surprise(counts, expected)
    # An item drawn a tenth too often would be noticed.
    tilted = expected * np.where(np.arange(8) == 3, 1.1, 1.0)
    assert LIMIT < surprise(tilted * counts.sum() / tilted.sum(), expected)


def test_groups_are_drawn_by_the_sum_of_their_masses():
    buffer = filled(priority_power_factor=1.0, stratified=False)
    counts = np.zeros(2)
    for _ in range(500):
        batch = buffer.sample(100, groupby="env")
        np.add.at(counts, batch.meta["env"][:, 0], 1)
    mass = masses(1.0).reshape(2, 4).sum(axis=1)

    assert LIMIT > surprise(counts, counts.sum() * mass / mass.sum())


def test_a_batch_gives_its_priorities_back_in_one_update():
    buffer = filled()
    wanted = PRIORITIES.copy()
    for _ in range(50):
        batch = buffer.sample(5)
        new = np.random.default_rng(int(wanted.sum() * 100)).random(5) * 9
        buffer.update(batch.index, meta={"priority": new})
        wanted[batch.data["n"]] = new  # of an item drawn twice the last one stays, as in the buffer

        assert wanted.tolist() == priorities(buffer) == [item.meta["priority"] for item in buffer]


def test_items_without_a_priority_get_the_highest():
    buffer = empty()
    buffer.extend({"n": np.arange(2)})
    buffer.extend({"n": np.arange(2)}, meta={"priority": [4.0, None]})
    buffer.extend({"n": np.arange(2)}, meta=[{"env": 1}, {"priority": 0.5}])

    assert [1.0, 1.0, 4.0, 4.0, 4.0, 0.5] == priorities(buffer)
    assert [{}, {}, {}, {}, {"env": 1}, {}] == [
        {key: value for key, value in item.meta.items() if key != "priority"} for item in buffer
    ]


@pytest.mark.parametrize("many", [True, False])
def test_a_priority_in_a_payload_without_meta_is_moved_to_the_meta(many):
    buffer, given = empty(), {"n": np.arange(2), "priority": np.array([0.5, 2.0])}
    if many:
        buffer.extend(given)
    else:
        buffer.push({"n": 0, "priority": 0.5})
        buffer.push({"n": 1, "priority": 2.0})

    assert [0.5, 2.0] == priorities(buffer)
    assert [{"n": 0}, {"n": 1}] == [item.data for item in buffer]
    assert "priority" in given


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("before", [[0.0, 0.0], [0, 0], [0.0, 0]], ids=str)
def test_what_comes_through_a_view_without_a_priority_takes_none_from_what_lay_there_before(many, before):
    buffer = empty(2)
    buffer.view().extend([{"n": 0}, {"n": 1}], meta=[{"priority": priority} for priority in before])
    assert [0.0, 0.0] == priorities(buffer)
    if many:
        buffer.view().extend({"n": np.arange(2, 4)})
    else:
        buffer.view().push({"n": 2})
        buffer.view().push({"n": 3}, {"env": 1})

    assert [1.0, 1.0] == priorities(buffer)
    resumed = empty(2)
    resumed.load_state_dict(buffer.state_dict())
    assert [1.0, 1.0] == priorities(resumed)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, "2.0", [1.0], None])
def test_what_is_no_priority_is_refused_and_changes_nothing(bad):
    buffer = filled()
    before = priorities(buffer), buffer.stats(), [item.meta for item in buffer]
    batch = buffer.sample(2)
    before[1]["sampled"] += 2

    with pytest.raises(BadPriority):
        buffer.update(batch.index, meta={"priority": [1.0, bad]})
    if bad is not None:
        with pytest.raises(BadPriority):
            buffer.extend({"n": np.arange(2)}, meta={"priority": [1.0, bad]})
    after = priorities(buffer), buffer.stats(), [item.meta for item in buffer]
    for stats in (before[1], after[1]):
        del stats["PriorityExperienceReplay"]
    assert before == after


def test_what_came_past_the_layer_and_is_no_priority_is_counted():
    buffer = empty()
    buffer.view().extend({"n": np.arange(3)}, meta={"priority": np.array([2.0, math.nan, -1.0])})

    assert [2.0, 2.0, 2.0] == priorities(buffer)
    assert 2 == buffer.stats()["PriorityExperienceReplay"]["poisoned"]


def test_weights_stay_with_their_items_where_a_layer_further_in_takes_some_out():
    def halve(action, chain, *args, **kwargs):
        batch = chain(*args, **kwargs)
        return batch[::-2] if action == "sample" else batch

    buffer = filled(IS_weight_power_factor=1.0, IS_weight_anneal_train_iter=0).use(halve)
    batch = buffer.sample(10)
    mass = masses(0.6)

    assert 5 == len(batch)
    np.testing.assert_allclose(mass.min() / mass[batch.data["n"]], batch.meta["priority_IS"])


def test_weights_are_not_stored():
    buffer = filled()
    buffer.sample(4)
    buffer.sample(1, groupby="env", unroll_len=2)

    assert [["n"]] * 8 == [list(item.data) for item in buffer]
    assert [{"priority", "env"}] * 8 == [set(item.meta) for item in buffer]


@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_an_item_without_a_priority_that_changes_its_group_is_drawn_with_the_new_one(storage):
    buffer = empty(storage=storage, group_mass="mix")
    buffer.view().extend([{"n": 0}, {"n": 1}], meta={"env": [0, 0]})
    buffer.sample(2, groupby="env")
    buffer.view().update([buffer[1].index], meta={"env": [1]})

    drawn = [item.data["n"] for _ in range(20) for group in buffer.sample(2, groupby="env") for item in group]
    assert {0, 1} == set(drawn)


@pytest.mark.parametrize("storage", [ColumnStorage, ObjectStorage])
def test_payloads_without_metas_are_given_the_highest_priority_unless_they_bring_their_own(storage):
    buffer = empty(storage=storage)
    buffer.push({"n": 0}, meta={"priority": 5.0})
    buffer.extend([{"n": 1}, {"n": 2}])
    buffer.extend([{"n": 3}, {"n": 4, "priority": 7.0}, {"n": 5}])

    assert [5.0, 5.0, 5.0, 5.0, 7.0, 7.0] == [item.meta["priority"] for item in buffer]
    assert list(range(6)) == [item.data["n"] for item in buffer]
    assert all(item.data.keys() == {"n"} for item in buffer)
