from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.structures.legal_starts import LegalStarts, distances
from tests.structures.naive_runs import NaiveRuns, Rule

CAPACITY = 12

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 2), st.booleans()),
        st.tuples(st.just("push"), st.just(0), st.just(False)),
        st.tuples(st.just("many"), st.lists(st.tuples(st.integers(0, 1), st.booleans()), max_size=9)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, CAPACITY - 1), max_size=3)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, CAPACITY - 1), min_size=8, max_size=12)),
        st.tuples(st.just("sever"), st.lists(st.integers(0, CAPACITY - 1), max_size=2), st.booleans()),
        st.tuples(st.just("reload")),
        st.tuples(st.just("copy")),
        st.tuples(st.just("clear")),
    ),
    max_size=60,
)


class Driver:
    """The structure and the plain model, a ring of slots, and the same done to both."""

    def __init__(self, need: int, stride: int) -> None:
        self.starts = LegalStarts(CAPACITY, need, stride)
        self.naive = NaiveRuns()
        self.rule = Rule(0, need, stride, False, False)
        self.slot_of: dict[int, int] = {}
        self.next = 0

    def live(self) -> np.ndarray:
        return np.array([self.slot_of[name] for name in self.naive.steps], dtype=np.int64)

    def room(self) -> int:
        if len(self.slot_of) == CAPACITY:
            oldest = next(iter(self.slot_of))
            self.starts.evict(self.slot_of.pop(oldest))
            self.naive.remove([oldest])
        return min(set(range(CAPACITY)) - set(self.slot_of.values()))

    def push(self, stream: int, end: bool) -> None:
        slot = self.room()
        self.slot_of[self.next] = slot
        self.starts.append_one(slot, stream, end)
        self.naive.push(self.next, stream, end)
        self.next += 1

    def many(self, pairs: list[tuple[int, bool]]) -> None:
        slots = []
        oldest = list(self.slot_of)[: max(len(self.slot_of) + len(pairs) - CAPACITY, 0)]
        self.starts.evict_many(np.array([self.slot_of.pop(name) for name in oldest], dtype=np.int64))
        self.naive.remove(oldest)
        for stream, end in pairs:
            slots.append(self.room())
            self.slot_of[self.next] = slots[-1]
            self.naive.push(self.next, stream, end)
            self.next += 1
        self.starts.append(
            np.array(slots, dtype=np.int64), [stream for stream, _ in pairs], [end for _, end in pairs]
        )

    def remove(self, places: list[int]) -> None:
        names = list(self.slot_of)
        gone = {names[place] for place in places if place < len(names)}
        self.starts.remove([self.slot_of.pop(name) for name in gone])
        self.naive.remove(gone)

    def sever(self, places: list[int], moved: bool) -> None:
        names = list(self.slot_of)
        chosen = sorted({names[place] for place in places if place < len(names)})
        slots, none = np.array([self.slot_of[name] for name in chosen], dtype=np.int64), np.empty(0, np.int64)
        self.starts.sever(none if moved else slots, slots if moved else none, self.live())
        for name in chosen:
            self.naive.move(name, 9) if moved else self.naive.end(name)

    def reload(self) -> None:
        made = LegalStarts(CAPACITY, self.starts.need, self.starts.stride)
        made.load_state_dict(copy.deepcopy(self.starts.state_dict(self.live())), self.live())
        assert (self.starts.slots.tolist(), self.starts.span) == (made.slots.tolist(), made.span)
        self.starts = made

    def copy(self) -> None:
        self.starts = copy.deepcopy(self.starts)

    def clear(self) -> None:
        self.starts.clear()
        self.slot_of.clear()
        self.naive = NaiveRuns()

    def compare(self) -> None:
        self.starts.check()
        expected = sorted(self.slot_of[name] for name in self.naive.windows(self.rule).values())
        assert expected == sorted(self.starts.slots.tolist())
        assert len(expected) == len(self.starts)
        legal = self.starts.are_legal(np.arange(CAPACITY))
        assert expected == np.flatnonzero(legal).tolist()


@settings(max_examples=300, deadline=None)
@given(need=st.integers(1, 5), stride=st.integers(1, 3), steps=STEPS)
def test_after_any_operations_the_starts_are_those_that_enough_items_follow(need, stride, steps):
    driver = Driver(need, stride)
    for name, *arguments in steps:
        getattr(driver, name)(*arguments)
        driver.compare()


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_whatever_comes_in_or_goes_out_is_noted(steps):
    driver = Driver(3, 1)
    for name, *arguments in steps:
        if name in ("reload", "copy", "clear"):
            continue
        driver.starts.changed = []
        before = set(driver.starts.slots.tolist())
        getattr(driver, name)(*arguments)
        assert before ^ set(driver.starts.slots.tolist()) <= set(driver.starts.changed)


def test_one_by_one_and_all_at_once_give_the_same_order():
    rng = np.random.default_rng(0)
    streams, ends = rng.integers(3, size=40).tolist(), (rng.random(40) < 0.1).tolist()
    single, many = LegalStarts(40, 4), LegalStarts(40, 4)
    for slot in range(40):
        single.append_one(slot, streams[slot], ends[slot])
    many.append(np.arange(40), streams, ends)

    assert single.slots.tolist() == many.slots.tolist()
    assert single._mates.tolist() == many._mates.tolist()
    assert single.span == many.span == 40


def test_steps_keep_their_numbers_when_the_first_ones_are_evicted():
    starts = LegalStarts(8, 2, 3)
    for slot in range(8):
        starts.append_one(slot, None, False)
    starts.evict(0)
    starts.evict(1)

    assert [3, 6] == sorted(starts.slots.tolist())


def test_who_is_not_the_oldest_can_leave_with_them():
    starts = LegalStarts(8, 2)
    starts.append(np.arange(6), None, np.zeros(6, dtype=bool))
    starts.evict_many(np.array([0, 1, 3, 2]))
    starts.check()

    assert ([4], 1) == (starts.slots.tolist(), len(starts))


def test_a_state_of_a_larger_one_gives_the_newest():
    large = LegalStarts(10, 3, 2)
    large.append(np.arange(10), [0] * 10, [False] * 10)
    small = LegalStarts(5, 3, 2)
    small.load_state_dict(large.state_dict(np.arange(10)), np.arange(5))
    small.check()

    assert [1] == small.slots.tolist()  # the step of number 6
    small.evict(0)
    small.append_one(0, 0, False)
    assert [1, 3] == small.slots.tolist()


def test_a_state_of_another_rule_gives_the_links():
    saved = LegalStarts(10, 3)
    saved.append(np.arange(6), [0] * 6, [False] * 6)
    other = LegalStarts(10, 5, 2)
    other.load_state_dict(saved.state_dict(np.arange(6)), np.arange(6))
    other.check()

    assert [0] == other.slots.tolist()
    other.append_one(6, 0, False)
    assert [0, 2] == other.slots.tolist()


def test_a_state_that_does_not_fit_is_refused():
    starts = LegalStarts(10, 2, 2)
    starts.append(np.arange(6), [0] * 6, [False] * 6)
    state = starts.state_dict(np.arange(6))

    with pytest.raises(ValueError, match="5 step numbers for 6 items"):
        LegalStarts(10, 2, 2).load_state_dict({**state, "steps": state["steps"][:-1]}, np.arange(6))
    with pytest.raises(ValueError, match="links"):
        LegalStarts(10, 2, 2).load_state_dict(state, np.arange(8))


def test_rebuilt_from_the_items_nothing_bridges_a_missing_number():
    starts = LegalStarts(8, 2)
    serials = np.array([3, 4, 5, 7, 8, 9])
    starts.rebuild(np.arange(6), serials, 10, [0] * 6, np.array([0, 0, 0, 0, 1, 0], dtype=bool))
    starts.check()

    assert [0, 1, 3] == starts.slots.tolist()
    starts.append_one(6, 0, False)
    assert [0, 1, 3, 5] == starts.slots.tolist()


def test_a_lost_start_is_found_out():
    starts = LegalStarts(8, 2)
    starts.append(np.arange(4), None, np.zeros(4, dtype=bool))
    starts._put_out(np.array([1]))

    with pytest.raises(ValueError, match="legal starts"):
        starts.check()


def test_distances_lead_to_the_ends_of_chains():
    far, ends = distances(np.array([2, -1, 4, 1, -1]))

    assert [2, 0, 1, 1, 0] == far.tolist()
    assert [4, 1, 4, 1, 4] == ends.tolist()
