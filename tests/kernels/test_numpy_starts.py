from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_starts
from tests.kernels.both import agree, outcome, spoilers, spoilt

CAPACITY = 16
STREAMS = 3

BATCHES = st.lists(
    st.one_of(
        st.lists(st.tuples(st.integers(0, STREAMS - 1), st.booleans()), max_size=CAPACITY),
        st.lists(st.tuples(st.integers(0, STREAMS - 1), st.just(False)), max_size=CAPACITY),
        st.lists(st.tuples(st.just(0), st.just(False)), min_size=3, max_size=9),
        st.integers(0, 9),  # so many of the oldest leave
    ),
    max_size=12,
)


class Runs:
    """The arrays that the kernels keep, and the same told by lists: who is in which run, oldest first."""

    def __init__(self, kernels, need, stride):
        self.kernels, self.need, self.stride = kernels, need, stride
        self.following, self.preceding, self.mates = (np.full(CAPACITY, -1) for _ in range(3))
        self.counts, self.steps = np.zeros(CAPACITY, dtype=np.int64), np.zeros(CAPACITY, dtype=np.int64)
        self.newest, self.held, self.legal = (np.zeros(CAPACITY, dtype=np.bool_) for _ in range(3))
        self.heads = np.full(STREAMS, -1)
        self.told: list[list[tuple[int, int]]] = []  # each run as slots with their step
        self.open: dict[int, list[tuple[int, int]]] = {}
        self.order: list[int] = []

    def legal_starts(self):
        return {
            slot
            for run in self.told
            for place, (slot, step) in enumerate(run)
            if len(run) - place >= self.need and step % self.stride == 0
        }

    def links(self):
        return [
            self.following,
            self.preceding,
            self.newest,
            self.heads,
        ]

    def arrays(self):
        return [*self.links(), self.mates, self.counts, self.steps, self.held, self.legal]

    def come(self, items):
        self.leave(len(self.order) + len(items) - CAPACITY)
        slots = [slot for slot in range(CAPACITY) if slot not in self.order][: len(items)]
        for slot, (stream, end) in zip(slots, items, strict=True):
            run = self.open.setdefault(stream, [])
            if not run:
                self.told.append(run)
            run.append((slot, run[-1][1] + 1 if run else 0))
            if end:
                del self.open[stream]
        self.order += slots
        streams = np.array([stream for stream, _ in items], dtype=np.int64)
        ends = np.array([end for _, end in items], dtype=np.bool_)
        before = self.legal_before
        self.kernels.link_many(*self.links()[:3], slots, streams, self.heads, ends)
        let_in = self.kernels.enter_runs(*self.entering(), slots, self.need, self.stride)
        assert sorted(self.legal_starts() - before) == sorted(let_in.tolist())
        self.compare()

    def entering(self):
        return [
            self.following,
            self.preceding,
            self.mates,
            self.counts,
            self.steps,
            self.held,
            self.legal,
        ]

    def leaving(self):
        return [*self.links()[:3], self.mates, self.counts, self.held, self.legal]

    @property
    def legal_before(self):
        return set(np.flatnonzero(self.legal).tolist())

    def leave(self, count):
        slots, self.order = self.order[: max(count, 0)], self.order[max(count, 0) :]
        were_newest = [slot for slot in slots if slot in self.heads]
        for slot in slots:
            (run,) = [run for run in self.told if run and run[0][0] == slot]
            del run[0]
        for stream, run in list(self.open.items()):
            if not run:
                del self.open[stream]
        self.told = [run for run in self.told if run]
        before = self.legal_before
        gone, newest, taken = self.kernels.leave_runs(*self.leaving(), np.array(slots, dtype=np.int64))
        assert ([slot for slot in slots if slot in before], len(slots)) == (gone.tolist(), taken)
        assert were_newest == newest.tolist()
        self.heads[np.isin(self.heads, newest)] = -1
        self.compare()

    def compare(self):
        assert self.legal_starts() == self.legal_before
        assert sorted(self.order) == np.flatnonzero(self.held).tolist()
        assert {run[-1][0] for run in self.open.values()} == {*self.heads.tolist()} - {-1}
        assert [slot in self.heads for slot in range(CAPACITY)] == self.newest.tolist()
        follow = {one[0]: other[0] for run in self.told for one, other in pairwise(run)}
        assert [follow.get(slot, -1) for slot in range(CAPACITY)] == self.following.tolist()


def walked(kernels, need, stride, batches):
    runs = Runs(kernels, need, stride)
    for batch in batches:
        runs.leave(min(batch, len(runs.order))) if isinstance(batch, int) else runs.come(batch)
    return runs


@settings(max_examples=200, deadline=None)
@given(need=st.integers(1, 5), stride=st.integers(1, 3), batches=BATCHES)
def test_both_kernels_keep_the_starts_that_enough_items_follow(compiled, need, stride, batches):
    of_c, of_twin = walked(compiled, need, stride, batches), walked(numpy_starts, need, stride, batches)
    for one, other in zip(of_twin.arrays(), of_c.arrays(), strict=True):
        assert one.tolist() == other.tolist()


def some_runs(need=3, stride=1):
    """Runs of three streams, one of them with an end within, after some have left."""
    items = [(place % 3 % 2, place == 8) for place in range(14)]
    return walked(numpy_starts, need, stride, [items, 3, [(2, False)] * 3])


@given(position=st.integers(0, 6), how=spoilers())
def test_both_kernels_refuse_the_same_links(compiled, position, how):
    runs = some_runs()
    arguments = [
        runs.following,
        runs.preceding,
        runs.newest,
        np.array([13, 2, 0, 7, 9]),
        np.array([0, 2, 0, 1, 1]),
        np.array([5, -1, 12]),
        np.array([False, False, True, False, False]),
    ]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.link_many, numpy_starts.link_many, arguments)


@given(position=st.integers(0, 7), how=spoilers(), stride=st.integers(1, 2))
def test_both_kernels_refuse_the_same_arrivals(compiled, position, how, stride):
    runs = some_runs(stride=stride)
    slots = np.array([1, 3, 5])
    following, preceding, newest = runs.links()[:3]
    numpy_starts.link_many(following, preceding, newest, slots, slots % 3, runs.heads, slots > 9)
    arguments = [*runs.entering(), slots]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.enter_runs, numpy_starts.enter_runs, [*arguments, 3, stride])


@given(position=st.integers(0, 7), how=spoilers())
def test_both_kernels_refuse_the_same_departures(compiled, position, how):
    runs = some_runs()
    arguments = [*runs.leaving(), np.array(runs.order[:6])]
    arguments[position] = spoilt(how, arguments[position])
    agree(compiled.leave_runs, numpy_starts.leave_runs, arguments)


@given(seed=st.integers(0, 2**32), bad=st.sampled_from([16, -2, 2**62, -(2**63), 2**63 - 1]))
def test_a_wrong_number_anywhere_does_the_same_harm_in_both(compiled, seed, bad):
    rng, runs = np.random.default_rng(seed), some_runs(stride=2)
    numbers = [runs.following, runs.preceding, runs.mates, runs.counts, runs.steps]
    numbers[rng.integers(5)][rng.integers(CAPACITY, size=3)] = bad
    slots = rng.integers(0, CAPACITY, 5)
    agree(compiled.enter_runs, numpy_starts.enter_runs, [*runs.entering(), slots, 3, 2])
    agree(compiled.leave_runs, numpy_starts.leave_runs, [*runs.leaving(), slots])
    links = [*runs.links()[:3], rng.permutation(CAPACITY)[:5], slots % 3, runs.heads, slots > 9]
    agree(compiled.link_many, numpy_starts.link_many, links)


@pytest.mark.parametrize("count", [600, 5000])
def test_many_at_once_are_as_one_after_the_other(compiled, count):
    rng = np.random.default_rng(count)
    streams, ends = rng.integers(0, 70_000, count), rng.random(count) < 0.1
    streams[rng.random(count) < 0.8] = 5
    slots = rng.permutation(count)
    made = []
    for kernels in (compiled, numpy_starts):
        following, preceding, mates = (np.full(count, -1) for _ in range(3))
        counts, newest, held, legal = np.zeros(count, np.int64), *np.zeros((3, count), np.bool_)
        heads = np.full(70_000, -1)
        kernels.link_many(following, preceding, newest, slots, streams, heads, ends)
        runs = [following, preceding, mates, counts, np.zeros(0, np.int64), held, legal]
        let_in = kernels.enter_runs(*runs, slots, 9, 1)
        out = kernels.leave_runs(following, preceding, newest, mates, counts, held, legal, slots[:-5])
        made.append([*runs, let_in, *out[:2], heads])
        assert (count - 5, True) == (out[2], len(let_in) > 9)
    for one, other in zip(*made, strict=True):
        assert one.tolist() == other.tolist()


def test_a_slot_named_twice_cannot_be_linked(compiled):
    for kernels in (compiled, numpy_starts):
        for slots in ([1, 1], [3, 2, 3], [*range(600), 4]):
            runs = [np.full(700, -1), np.full(700, -1), np.zeros(700, np.bool_)]
            ends = np.zeros(len(slots), np.bool_)
            assert ValueError is outcome(
                kernels.link_many, *runs, slots, ends.astype(np.int64), np.full(1, -1), ends
            )
            assert -1 == runs[0].max()
            assert not runs[2].any()


def test_a_head_cannot_be_linked_anew(compiled):
    for kernels in (compiled, numpy_starts):
        runs = some_runs()
        slots = np.array([int(runs.heads[0])])
        assert ValueError is outcome(
            kernels.link_many, *runs.links()[:3], slots, slots * 0, runs.heads, slots < 0
        )
        runs.compare()


def test_who_leaves_must_be_the_first_of_a_run(compiled):
    for kernels in (compiled, numpy_starts):
        runs = some_runs()
        first, second = runs.order[0], int(runs.following[runs.order[0]])
        third = int(runs.following[runs.following[second]])
        assert 2 == kernels.leave_runs(*runs.leaving(), [first, second, third])[2]
        assert [False, False, True] == runs.held[[first, second, third]].tolist()


@pytest.mark.parametrize("number", [0, -1, -(2**70), 2.0, None, "3"])
@pytest.mark.parametrize("position", [8, 9])
def test_need_and_stride_are_numbers_from_one_on(compiled, number, position):
    arguments = [*some_runs(stride=2).entering(), [1], 3, 2]
    arguments[position] = number
    error = ValueError if isinstance(number, int) else TypeError
    assert error is agree(compiled.enter_runs, numpy_starts.enter_runs, arguments)


def test_a_need_beyond_all_numbers_lets_nobody_in(compiled):
    runs = some_runs(stride=2)
    runs.preceding[1] = -1
    assert (
        []
        == agree(compiled.enter_runs, numpy_starts.enter_runs, [*runs.entering(), [1], 2**70, 2**70]).tolist()
    )


def test_what_is_written_must_not_be_the_memory_of_slots(compiled):
    for kernels in (compiled, numpy_starts):
        links = [np.full(4, -1), np.full(4, -1), np.zeros(4, np.bool_)]
        slots, ends = np.arange(4), np.zeros(4, np.bool_)
        for heads in (slots, np.full(1, -1)):
            numbers = slots if heads is slots else links[0]
            assert ValueError is outcome(kernels.link_many, *links, slots, numbers, heads, ends)
