from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.structures.ring_index import RingIndex

STEP = st.one_of(
    st.tuples(st.just("push"), st.integers(1, 12)),
    st.tuples(st.just("remove"), st.lists(st.integers(0, 200), min_size=1, max_size=6)),
    st.tuples(st.just("remove oldest"), st.integers(1, 5)),
    st.tuples(st.just("thin out"), st.integers(2, 5)),
    st.tuples(st.just("pop"), st.integers(1, 3)),
    st.tuples(st.just("load"), st.integers(0, 0)),
    st.tuples(st.just("clear"), st.integers(0, 0)),
)


class Twin:
    """Serials and slots, oldest first, in two lists."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.next = 0
        self.held: list[tuple[int, int]] = []

    def push(self, slot):
        self.held.append((self.next, slot))
        self.next += 1

    def slots(self):
        return [slot for _, slot in self.held]


def push(index, twin):
    if len(twin.held) < twin.capacity:
        slot = index.advance() if twin.next % 3 else index.push()
    else:
        oldest = twin.held.pop(0)[1]
        slot = index.advance()
        assert oldest == slot
    assert slot not in twin.slots()
    twin.push(slot)


def remove(index, twin, places):
    gone = {twin.held[place % len(twin.held)][1] for place in places}
    index.remove(np.array(sorted(gone)))
    twin.held = [pair for pair in twin.held if pair[1] not in gone]


def agree(index, twin):
    index.check()
    serials, slots = [serial for serial, _ in twin.held], twin.slots()
    free = sorted(set(range(twin.capacity)) - set(slots))
    gone = sorted(set(range(-2, twin.next + 3)) - set(serials))
    assert (len(slots), twin.next) == (index.count, index.next)
    assert slots == index.live().tolist() == np.asarray(index.order()).tolist()
    assert serials == index.serials_of(np.array(slots, dtype=np.int64)).tolist()
    assert [-1] * len(free) == index.serials_of(np.array(free, dtype=np.int64)).tolist()
    assert slots == index.slots_of(np.array(serials, dtype=np.int64)).tolist()
    assert [-1] * len(gone) == index.slots_of(np.array(gone)).tolist()
    assert slots[:1] == [index.slot_of(serial) for serial in serials[:1]]
    assert -1 == index.slot_of(twin.next)
    backwards = list(range(len(slots)))[::-1]
    assert slots[::-1] == index.slots_at(np.array(backwards, dtype=np.int64)).tolist()
    # Each draw stands for one item, whichever: all of them are all items.
    assert sorted(slots) == sorted(index.slots_drawn(np.array(backwards, dtype=np.int64)).tolist())
    for position, (serial, slot) in enumerate(twin.held):
        assert (slot, position, slot) == (
            index.slot_at(position),
            index.position_of(slot),
            index.slot_of(serial),
        )
    for start in range(len(slots)):
        low, high = index.serials_between(start, len(slots))
        assert serials[start:] == [serial for serial in serials if low <= serial < high]


@settings(max_examples=150)
@given(st.sampled_from([1, 2, 5, 23, 200]), st.lists(STEP, max_size=20))
def test_it_agrees_with_a_list_of_serials_and_slots(capacity, steps):
    index, twin = RingIndex(capacity), Twin(capacity)
    for step, what in steps:
        if step == "push":
            for _ in range(what * (capacity // 20 + 1)):
                push(index, twin)
        elif step == "clear":
            index.clear()
            twin.held = []
        elif step == "load":
            loaded = RingIndex(capacity)
            loaded.push()
            loaded.load_state_dict(copy.deepcopy(index.state_dict()))
            index = loaded
        elif not twin.held:
            continue
        elif step == "remove":
            remove(index, twin, what)
        elif step == "remove oldest":
            remove(index, twin, range(min(what, len(twin.held))))
        elif step == "thin out":
            remove(index, twin, [place for place in range(len(twin.held)) if place % what] or [0])
        else:
            for _ in range(min(what, len(twin.held))):
                assert twin.held.pop(0)[1] == index.pop_oldest()
        agree(index, twin)


def filled(capacity, pushed, removed=()):
    index, twin = RingIndex(capacity), Twin(capacity)
    for _ in range(pushed):
        push(index, twin)
    if len(removed):
        remove(index, twin, removed)
    return index, twin


def test_slots_of_an_empty_index_are_used_in_ascending_order():
    index, _ = filled(5, 3)
    index.clear()

    assert [0, 1, 2, 3, 4] == [index.push() for _ in range(5)]
    assert 8 == index.next


def test_a_slot_keeps_its_item_while_others_come_and_go():
    index, twin = filled(10, 10, [3, 5])
    where = dict(twin.held)
    for _ in range(4):
        push(index, twin)

    assert all(where[serial] == slot for serial, slot in twin.held if serial in where)
    agree(index, twin)


def test_removing_exactly_the_oldest_needs_no_log():
    index, twin = filled(10, 13, range(4))

    assert index._log is None
    push(index, twin)
    agree(index, twin)


def test_removing_all_starts_anew_without_a_log():
    index, twin = filled(10, 10, [4])
    assert index._log is not None
    remove(index, twin, range(9))

    assert index._log is None
    push(index, twin)
    agree(index, twin)


def test_a_thousand_scattered_removals_leave_everything_in_its_place():
    index, twin = filled(3000, 4000, range(7, 3000, 3))
    for _ in range(700):
        push(index, twin)
    remove(index, twin, [place for place in range(len(twin.held)) if place % 50])
    agree(index, twin)


def test_a_free_slot_has_no_serial_after_the_log_was_packed_smaller():
    index, twin = filled(3000, 3000, range(5, 2990))

    assert [-1, -1] == index.serials_of(np.array([1500, 2989])).tolist()
    agree(index, twin)


@pytest.mark.parametrize("removed", [[], [2, 5], [0, 1], [1, 3, 4, 6, 7]])
@pytest.mark.parametrize("pushed", [0, 4, 8, 11])
def test_a_state_brings_back_which_slots_come_next(pushed, removed):
    index, twin = filled(8, pushed, removed if pushed else [])
    loaded = RingIndex(8)
    loaded.load_state_dict(index.state_dict())

    for _ in range(10):
        agree(loaded, twin)
        if len(twin.held) == 8:
            twin.held.pop(0)
            index.pop_oldest()
            loaded.pop_oldest()
        slot = index.push()
        twin.push(slot)
        assert slot == loaded.push()


@pytest.mark.parametrize("serials", [[], [3, 4, 5], [0, 2, 9], [7]])
def test_it_restarts_with_other_serials_in_the_first_slots(serials):
    index, twin = filled(5, 7, [1])
    index.restart(np.array(serials, dtype=np.int64), 10)
    twin.held, twin.next = [(serial, slot) for slot, serial in enumerate(serials)], 10

    agree(index, twin)
    for _ in range(7):
        push(index, twin)
        agree(index, twin)


@pytest.mark.parametrize("serials", [range(10, 10), range(5, 10), range(9, 10)])
def test_it_restarts_with_all_serials_up_to_the_next(serials):
    index, twin = filled(5, 7, [1])
    index.restart(serials, 10)
    twin.held, twin.next = [(serial, slot) for slot, serial in enumerate(serials)], 10

    agree(index, twin)
    push(index, twin)
    agree(index, twin)


def test_it_restarts_with_no_more_serials_than_it_has_room_for():
    index, twin = filled(5, 7, [1])
    with pytest.raises(ValueError, match="6 items"):
        index.restart(range(4, 10), 10)
    agree(index, twin)


def plain_state(**changes):
    return {**filled(8, 10)[0].state_dict(), **changes}


def holed_state(**changes):
    return {**filled(8, 10, [2])[0].state_dict(), **changes}


@pytest.mark.parametrize(
    "state",
    [
        plain_state(next=1),
        plain_state(next=-1),
        plain_state(next=11, capacity=9),
        plain_state(base=5),
        plain_state(base=-1),
        plain_state(first=1),
        plain_state(first=-1),
        plain_state(first=11),
        holed_state(slots=np.arange(8)),
        holed_state(slots=np.zeros(7, dtype=int)),
        holed_state(slots=np.arange(7) + 2),
        holed_state(slots=np.arange(7) - 1),
        holed_state(serials=np.arange(3, 10)[::-1]),
        holed_state(serials=np.arange(7) - 3),
        holed_state(next=7),
        holed_state(free=[]),
        holed_state(free=[0, 1]),
        holed_state(fresh=9),
        holed_state(fresh=5),
        holed_state(serials=[], slots=[], free=list(range(8))),
    ],
)
def test_a_state_that_does_not_fit_together_is_refused_with_nothing_changed(state):
    index, twin = filled(8, 10, [1])

    with pytest.raises(ValueError, match=r"."):
        index.load_state_dict(state)
    agree(index, twin)


def test_serials_that_cannot_be_restarted_with_are_refused():
    index = RingIndex(3)
    for serials, following in (([0, 1, 2, 3], 4), ([2, 1], 4), ([1, 2], 2), ([-1, 2], 4)):
        with pytest.raises(ValueError, match=r"."):
            index.restart(np.array(serials), following)


def test_what_does_not_fit_together_is_noticed():
    for spoil in (
        lambda index: setattr(index, "count", 5),
        lambda index: setattr(index, "next", 4),
        lambda index: index._log._where.__setitem__(3, 0),
        lambda index: index._log._serials.__setitem__(index._log._start, 99),
        lambda index: setattr(index._log, "_passed", 1),
    ):
        index, _ = filled(8, 8, [2, 4])
        index.check()
        spoil(index)
        with pytest.raises((ValueError, IndexError)):
            index.check()


def test_a_wrong_look_up_by_serial_is_noticed(monkeypatch):
    index, _ = filled(8, 8)
    monkeypatch.setattr(index, "slots_of", lambda serials: serials + 1)
    with pytest.raises(ValueError, match="serial numbers and slots"):
        index.check()
    monkeypatch.undo()
    monkeypatch.setattr(index, "position_of", lambda slot: 0)
    with pytest.raises(ValueError, match="slots and positions"):
        index.check()


@given(
    capacity=st.integers(1, 9),
    held=st.integers(0, 20),
    gone=st.lists(st.integers(0, 8), max_size=3),
    freed=st.integers(1, 9),
    pushed=st.integers(1, 9),
)
def test_slots_just_freed_are_those_that_come_next_only_where_that_is_so(capacity, held, gone, freed, pushed):
    rings = [RingIndex(capacity), RingIndex(capacity)]
    for ring in rings:
        for _ in range(held):
            ring.advance()
        live = ring.live()
        if places := {place for place in gone if place < len(live)}:
            ring.remove(live[sorted(places)])
    room = capacity - rings[0].count
    freed = min(freed, rings[0].count)
    pushed = min(pushed, room + freed)
    if not freed:
        return

    told = rings[0].pop_oldest_many(freed)
    slots = rings[0].push_many(pushed, told)
    rings[1].pop_oldest_many(freed)

    assert rings[1].push_many(pushed).tolist() == slots.tolist()
    assert rings[1].state_dict().keys() == rings[0].state_dict().keys()
    for ring in rings:
        ring.check()
    assert rings[1].live().tolist() == rings[0].live().tolist()


def test_a_full_ring_goes_on_in_the_very_slots_it_has_freed():
    ring = RingIndex(4)
    ring.push_many(4)
    freed = ring.pop_oldest_many(3)

    assert freed is ring.push_many(3, freed)
    assert [3, 0, 1, 2] == ring.live().tolist()
