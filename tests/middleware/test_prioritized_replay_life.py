"""What prioritised replay makes of everything that happens to the items behind its back."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadPriority, CorruptSnapshot, NotEnoughItems
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.range_view import sample_range_view
from ding_buffer.middleware.use_count import use_time_check

MODES = pytest.mark.parametrize("mode", ["proportional", "rank"])


def known(buffer: DequeBuffer, layer: PriorityExperienceReplay) -> dict:
    """The priority that the layer gives each payload, and that it gives no other slot any."""
    slots = buffer.store.live()
    assert len(buffer) == len(layer._sampler)
    return {
        buffer.store.storage.item(slot).data: float(layer._sampler.priorities([slot])[0]) for slot in slots
    }


def batch_of(buffer: DequeBuffer, size: int = 40, **query) -> list:
    """Everything a batch says but the texts of its indices."""
    return [(item.data, item.meta) for item in buffer.sample(size, **query)]


@MODES
def test_attached_late_it_takes_over_the_items_that_are_there(mode):
    buffer = DequeBuffer(8, seed=0)
    buffer.extend(
        range(6), meta=[{}, {"priority": 4.0}, {"priority": 0.5}, {"priority": -1.0}, {}, {"priority": "x"}]
    )
    buffer.delete(buffer[0].index)
    layer = PriorityExperienceReplay(mode=mode)

    buffer.use(layer)

    assert {1: 4.0, 2: 0.5, 3: 4.0, 4: 4.0, 5: 4.0} == known(buffer, layer)
    assert 4.0 == layer.max_priority
    assert 2 == buffer.stats()["PriorityExperienceReplay"]["poisoned"]
    assert {1, 2, 3, 4, 5} == {item.data for item in buffer.sample(500)}


@MODES
def test_what_is_pushed_through_another_view_is_drawn_too(mode):
    layer = PriorityExperienceReplay(mode=mode)
    buffer = DequeBuffer(4, seed=0).use(layer)
    view = buffer.view()

    view.push("a")
    view.push("b", {"priority": 3.0})
    view.push("c", {"env": 1})
    buffer.push("d")
    view.push("e", {"priority": 2.0})

    assert {"b": 3.0, "c": 3.0, "d": 3.0, "e": 2.0} == known(buffer, layer)
    assert {"b", "c", "d", "e"} == {item.data for item in buffer.sample(300)}


@pytest.mark.parametrize("priority", [math.nan, math.inf, -1.0, "high", [1.0]])
@MODES
def test_a_poisoned_priority_through_another_view_is_counted_and_not_used(mode, priority):
    layer = PriorityExperienceReplay(mode=mode)
    buffer = DequeBuffer(4, seed=0).use(layer)
    view = buffer.view()
    buffer.push("a", {"priority": 2.0})

    view.push("b", {"priority": priority})
    view.update(buffer[0].index, meta={"priority": priority})

    assert {"a": 2.0, "b": 2.0} == known(buffer, layer)
    assert 2 == buffer.stats()["PriorityExperienceReplay"]["poisoned"]
    assert all(0.0 < item.meta["priority_IS"] <= 1.0 for item in buffer.sample(20))


def test_an_update_through_another_view_counts():
    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(3, seed=0).use(layer)
    items = buffer.extend("abc")

    buffer.view().update([items[0].index, items[2].index], meta={"priority": [6.0, 0.0]})
    buffer.view().update(items[1].index, meta={"env": 1})

    assert {"a": 6.0, "b": 1.0, "c": 0.0} == known(buffer, layer)
    assert 6.0 == buffer.push("d").meta["priority"]


@MODES
def test_two_views_may_each_draw_by_priority(mode):
    buffer, layers = DequeBuffer(10, seed=0), [PriorityExperienceReplay(mode=mode) for _ in range(2)]
    views = [buffer.use(layers[0]), buffer.view().use(layers[1])]
    views[0].extend(range(10), meta={"priority": [float(n) for n in range(10)]})

    views[1].update(buffer[0].index, meta={"priority": 50.0})
    views[0].delete(buffer[9].index)

    assert known(views[0], layers[0]) == known(views[1], layers[1])
    assert 50.0 == layers[0].max_priority == layers[1].max_priority


@MODES
@pytest.mark.parametrize("form", [list, tuple, set, np.array, iter, lambda texts: (text for text in texts)])
def test_deleted_items_are_never_drawn_again(mode, form):
    layer = PriorityExperienceReplay(mode=mode)
    buffer = DequeBuffer(20, seed=0).use(layer)
    items = buffer.extend(range(20), meta={"priority": [float(n + 1) for n in range(20)]})
    gone = [items[n].index for n in (3, 19, 7, 8, 0)]

    assert 5 == buffer.delete(form(gone + gone[:2]) if form is not set else set(gone))
    assert 1 == buffer.delete(items[1].index)

    left = set(range(20)) - {3, 19, 7, 8, 0, 1}
    assert {n: n + 1.0 for n in left} == known(buffer, layer)
    assert left == {item.data for item in buffer.sample(1000)}


@MODES
def test_items_keep_their_own_priority_when_slots_are_used_again_after_deletes(mode):
    rng = np.random.default_rng(0)
    layer = PriorityExperienceReplay(mode=mode)
    buffer = DequeBuffer(16, seed=0).use(layer)
    right: dict = {}
    for step in range(600):
        right[step] = float(rng.integers(1, 1000))
        buffer.push(step, {"priority": right[step]})
        if step % 3 == 0:
            item = buffer[int(rng.integers(len(buffer)))]
            right[item.data] = float(rng.integers(1000))
            assert buffer.update(item.index, meta={"priority": right[item.data]})
        if step % 5 == 4:
            buffer.delete([buffer[int(place)].index for place in rng.integers(len(buffer), size=3)])
        assert {item.data: right[item.data] for item in buffer} == known(buffer, layer)
        assert all(item.meta["priority"] == right[item.data] for item in buffer.sample(3))
    layer._sampler.check()  # type: ignore[attr-defined]


@MODES
def test_after_clear_it_starts_anew(mode):
    layer = PriorityExperienceReplay(mode=mode, IS_weight_anneal_train_iter=10)
    buffer = DequeBuffer(5, seed=0).use(layer)
    buffer.extend(range(5), meta={"priority": 9.0, "env": 0})
    buffer.sample(2, groupby="env")

    buffer.view().clear()

    with pytest.raises(NotEnoughItems):
        buffer.sample(1)
    buffer.extend([7, 8], meta={"env": [1, 2]})
    assert {7: 1.0, 8: 1.0} == known(buffer, layer)
    assert {7, 8} == {group[0].data for group in buffer.sample(40, groupby="env")}
    assert pytest.approx(0.52) == layer.IS_weight_power_factor  # beta goes on


@pytest.mark.parametrize("outside", [True, False])
def test_with_a_use_limit_items_are_drawn_their_number_of_times_and_then_gone(outside):
    layers = [use_time_check(max_use=3), PriorityExperienceReplay()]
    buffer = DequeBuffer(10, seed=0).use(*(layers if outside else layers[::-1]))
    buffer.extend(range(10), meta={"priority": [float(n) for n in range(10)]})
    uses = dict.fromkeys(range(10), 0)

    while len(buffer):
        for item in buffer.sample(2):
            assert uses[item.data] < 3 or item.meta["use_count"] > 3
            uses[item.data] += 1

    assert all(count >= 3 for count in uses.values())
    assert 10 == buffer.stats()["use_time_check"]["worn_out"]


def test_an_item_that_is_drawn_twice_on_its_last_use_is_deleted_once():
    buffer = DequeBuffer(3, seed=0).use(use_time_check(max_use=1), PriorityExperienceReplay())
    buffer.extend("abc", meta={"priority": [100.0, 0.0, 0.0]})

    batch = buffer.sample(6)

    assert 3 - len({item.data for item in batch}) == len(buffer)
    assert buffer.stats()["deleted"] == 3 - len(buffer)


SNAPSHOTS = pytest.mark.parametrize("by_file", [False, True])


def restored(buffer: DequeBuffer, target: DequeBuffer, by_file: bool, folder) -> DequeBuffer:
    if by_file:
        buffer.save_data(folder / "deep" / "saved")
        target.load_data(folder / "deep" / "saved")
    else:
        target.load_state_dict(copy.deepcopy(buffer.state_dict()))
    return target


def lived_in(layer: PriorityExperienceReplay) -> DequeBuffer:
    """A buffer that has seen everything, items without a priority of their own among it."""
    buffer = DequeBuffer(30, seed=3).use(clone_object(), layer)
    buffer.extend(range(20), meta={"env": [n % 3 for n in range(20)]})
    view = buffer.view()
    view.push(20, {"env": 0})
    buffer.push(21, {"priority": 7.0, "env": 1})
    view.push(22, {"priority": -3.0, "env": 2})
    view.update(buffer[4].index, meta={"env": 1})
    buffer.delete([buffer[n].index for n in (1, 6, 13)])
    buffer.extend(range(30, 45), meta={"priority": np.linspace(0, 3, 15), "env": 1})
    buffer.sample(10, groupby="env")
    buffer.update([item.index for item in buffer.sample(10)], meta={"priority": np.arange(10.0)})
    return buffer


def empty_like(mode: Any, size: int = 30) -> tuple[DequeBuffer, PriorityExperienceReplay]:
    layer = PriorityExperienceReplay(mode=mode, IS_weight_anneal_train_iter=100)
    return DequeBuffer(size, seed=99).use(clone_object(), layer), layer


@MODES
@SNAPSHOTS
def test_a_resumed_buffer_draws_the_same_batches_from_then_on(mode, by_file, tmp_path):
    layer = PriorityExperienceReplay(mode=mode, IS_weight_anneal_train_iter=100)
    buffer = lived_in(layer)
    other, other_layer = empty_like(mode)
    other.extend("xyz", meta={"priority": 1000.0})

    restored(buffer, other, by_file, tmp_path)

    assert known(buffer, layer) == known(other, other_layer)
    assert layer.state_dict() == other_layer.state_dict()
    assert buffer.stats() == other.stats()
    for step in range(8):
        assert batch_of(buffer) == batch_of(other)
        windows = [one.sample(5, groupby="env", unroll_len=2) for one in (buffer, other)]
        flat = [[(item.data, item.meta) for group in batch for item in group] for batch in windows]
        assert flat[0] == flat[1]
        for one in (buffer, other):
            one.push(100 + step, {"env": step})
            one.delete(one[step].index)
            one.update([item.index for item in one[:4]], meta={"priority": [1.0, 2.0, 3.0, 4.0 * step]})


@MODES
@SNAPSHOTS
def test_a_smaller_buffer_takes_the_newest_with_their_priorities(mode, by_file, tmp_path):
    layer = PriorityExperienceReplay(mode=mode)
    buffer = lived_in(layer)
    other, other_layer = empty_like(mode, size=7)

    restored(buffer, other, by_file, tmp_path)

    newest = [item.data for item in buffer][-7:]
    assert newest == [item.data for item in other]
    assert {data: known(buffer, layer)[data] for data in newest} == known(other, other_layer)
    assert layer.max_priority == other_layer.max_priority


@SNAPSHOTS
def test_loaded_without_a_state_of_its_own_it_reads_the_priorities_of_the_items(by_file, tmp_path):
    plain = DequeBuffer(5, seed=0)
    plain.extend("abc", meta=[{"priority": 0.25}, {}, {"priority": 6.0}])
    layer = PriorityExperienceReplay()

    restored(plain, DequeBuffer(5, seed=0).use(layer), by_file, tmp_path)

    assert 6.0 == layer.max_priority
    assert [0.25, 6.0, 6.0] == layer._sampler.priorities(range(3)).tolist()


def test_a_state_without_the_layer_is_taken_by_a_buffer_without_it():
    buffer = lived_in(PriorityExperienceReplay())
    other = DequeBuffer(30, seed=0)

    other.load_state_dict(buffer.state_dict())

    assert [item.data for item in buffer] == [item.data for item in other]


@pytest.mark.parametrize(
    "damage",
    [
        {"max_priority": math.nan},
        {"max_priority": "x"},
        {"samples": "many"},
        {"counts": [1]},
        {"counts": {"poisoned": "x"}},
        {"untold": {"places": [-1], "priorities": [-5.0]}},
        {"untold": {"places": [-1], "priorities": []}},
        {"untold": None},
    ],
    ids=repr,
)
def test_a_damaged_state_is_refused_and_changes_nothing(damage):
    buffer = lived_in(PriorityExperienceReplay())
    state = copy.deepcopy(buffer.state_dict())
    (entry,) = [entry for entry in state["layers"] if entry["name"] == "PriorityExperienceReplay"]
    entry["state"].update(damage)
    other, layer = empty_like("proportional")
    other.extend("xyz", meta={"priority": [1.0, 2.0, 3.0]})
    before = (known(other, layer), layer.state_dict())

    with pytest.raises(CorruptSnapshot, match="PriorityExperienceReplay"):
        other.load_state_dict(state)

    assert before == (known(other, layer), layer.state_dict())
    assert ["x", "y", "z"] == [item.data for item in other]


@MODES
def test_a_deep_copy_goes_its_own_way(mode):
    layer = PriorityExperienceReplay(mode=mode, IS_weight_anneal_train_iter=100)
    buffer = lived_in(layer)
    made = copy.deepcopy(buffer)
    (other,) = [each for each in made._middleware if isinstance(each, PriorityExperienceReplay)]

    assert known(buffer, layer) == known(made, other)
    assert batch_of(buffer) == batch_of(made)
    made.update([item.index for item in made], meta={"priority": 0.0})
    made.push("new", {"priority": 77.0})

    assert 77.0 == other.max_priority != layer.max_priority
    assert "new" not in known(buffer, layer)
    assert {"new": 77.0} == {key: value for key, value in known(made, other).items() if value}


def test_a_view_of_a_range_draws_from_its_range_by_priority():
    layer = PriorityExperienceReplay()
    buffer = DequeBuffer(10, seed=0).use(sample_range_view(start=-3), layer)
    buffer.extend(range(10), meta={"priority": [100.0] * 7 + [1.0, 2.0, 3.0]})

    assert {7, 8, 9} == {item.data for item in buffer.sample(200)}


def test_a_refused_batch_of_pushes_stores_none():
    buffer = DequeBuffer(10, seed=0).use(PriorityExperienceReplay())

    with pytest.raises(BadPriority):
        buffer.extend(range(5), meta={"priority": [1.0, 2.0, math.nan, 1.0, 1.0]})

    assert 0 == len(buffer)
