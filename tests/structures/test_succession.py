from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_buffer.structures.succession import Succession

CAPACITY = 12
STREAM = st.sampled_from([None, 0, 1, "a", ("b", 2)])
ITEM = st.tuples(STREAM, st.booleans())
STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(ITEM, min_size=1, max_size=CAPACITY)),
    st.tuples(st.just("append_one"), ITEM),
    st.tuples(st.just("remove"), st.lists(st.integers(0, CAPACITY - 1), max_size=9)),
    st.tuples(st.just("reload"), st.none()),
    st.tuples(st.just("clear"), st.none()),
)


class Twin:
    """Remembers every item of every stream for ever, gone or not."""

    def __init__(self):
        self.streams: dict = {}
        self.slots: dict = {}
        self.serial = 0

    def append(self, slot, stream, end):
        self.remove(slot)
        self.slots[slot] = entry = {"slot": slot, "serial": self.serial, "end": end, "gone": False}
        self.streams.setdefault(stream, []).append(entry)
        self.serial += 1

    def remove(self, slot):
        if slot in self.slots:
            self.slots.pop(slot)["gone"] = True

    def following(self):
        links = [-1] * CAPACITY
        for entries in self.streams.values():
            for one, after in pairwise(entries):
                if not (one["gone"] or one["end"] or after["gone"]):
                    links[one["slot"]] = after["slot"]
        return links

    def live(self):
        return sorted(self.slots, key=lambda slot: self.slots[slot]["serial"])


@settings(max_examples=300)
@given(st.lists(STEP, max_size=30), st.randoms(use_true_random=False))
def test_it_agrees_with_a_history_of_every_stream(steps, random):
    chains, twin = Succession(CAPACITY), Twin()
    for step, what in steps:
        if step == "append":
            slots = random.sample(range(CAPACITY), len(what))
            chains.append(np.array(slots), [stream for stream, _ in what], [end for _, end in what])
            for slot in slots:
                twin.remove(slot)
            for slot, (stream, end) in zip(slots, what, strict=True):
                twin.append(slot, stream, end)
        elif step == "append_one":
            slot = random.randrange(CAPACITY)
            chains.append_one(slot, *what)
            twin.append(slot, *what)
        elif step == "remove":
            chains.remove(what)
            for slot in what:
                twin.remove(slot)
        elif step == "clear":
            chains.clear()
            twin = Twin()
        else:
            saved = pickle.loads(pickle.dumps(chains.state_dict(twin.live())))
            chains = Succession(CAPACITY)
            chains.load_state_dict(saved, twin.live())
        chains.check()
        assert twin.following() == chains.following.tolist()


def test_interleaved_streams_are_chains_of_their_own():
    chains = Succession(8)
    chains.append(range(8), [0, 1] * 4, [False] * 8)

    assert [2, 3, 4, 5, 6, 7, -1, -1] == chains.following.tolist()
    assert [-1, -1, 0, 1, 2, 3, 4, 5] == chains.preceding.tolist()


@pytest.mark.parametrize("count", [3, 8])
def test_without_streams_all_is_one_stream(count):
    chains = Succession(8)
    chains.append(range(count), None, [False] * count)
    chains.append([count % 8], [None], [False]) if count < 8 else None

    assert list(range(1, 8))[: count - 1] == chains.following.tolist()[: count - 1]
    assert (3 if count < 8 else -1) == chains.following[count - 1]


@pytest.mark.parametrize("kind", [np.array, list])
def test_streams_may_be_an_array_or_a_list(kind):
    chains, one_by_one = Succession(9), Succession(9)
    streams = [4, 7, 4, 4, 7, 1, 1, 4]
    ends = [False, False, True, False, False, False, True, False]
    for slot, (stream, end) in enumerate(zip(streams, ends, strict=True)):
        one_by_one.append_one(slot, stream, end)
    chains.append(np.arange(8), kind(streams), np.array(ends))
    for made in (chains, one_by_one):
        made.append([8], kind([7]), [False])

    assert one_by_one.following.tolist() == chains.following.tolist()
    assert 8 == chains.following[4]
    chains.check()


def test_nothing_follows_the_end_of_an_episode():
    chains = Succession(4)
    chains.append(range(3), None, [False, True, False])

    assert [[0, 1, -1], [1, -1, -1], [2, -1, -1]] == chains.walk([0, 1, 2], 3).tolist()


def test_a_walk_stops_where_an_item_has_gone():
    chains = Succession(6)
    chains.append(range(6), None, [False] * 6)
    chains.remove([3])

    assert [[1, 2, -1, -1], [4, 5, -1, -1], [3, -1, -1, -1]] == chains.walk([1, 4, 3], 4).tolist()


def test_what_comes_after_the_newest_was_removed_follows_nothing():
    chains = Succession(6)
    chains.append([0, 1], ["a", "a"], [False, False])
    chains.remove([1])
    chains.append([2, 3], ["a", "a"], [False, False])

    assert [-1, -1, 3, -1, -1, -1] == chains.following.tolist()


def test_a_slot_used_again_is_not_reached_through_an_old_link():
    chains = Succession(4)
    chains.append(range(4), None, [False] * 4)
    chains.append([2], ["another"], [False])

    assert [[1, -1], [2, -1], [3, -1]] == chains.walk([1, 2, 3], 2).tolist()


def test_a_full_ring_goes_on_over_its_seam():
    chains = Succession(3)
    chains.append(range(3), None, [False] * 3)
    for slot in (0, 1):
        chains.remove([slot])
        chains.append([slot], None, [False])

    assert [[2, 0, 1, -1]] == chains.walk([2], 4).tolist()
    chains.check()


def test_a_ring_of_one_never_follows_itself():
    chains = Succession(1)
    for _ in range(3):
        chains.append([0], None, [False])
        assert [[0, -1]] == chains.walk([0], 2).tolist()
    chains.check()


def test_streams_that_are_over_are_forgotten():
    chains = Succession(4)
    for episode in range(1000):
        chains.append([episode % 4], [f"never to end {episode}"], [False])
        chains.append([(episode + 2) % 4], [f"ends {episode}"], [True])

    assert 4 >= len(chains._newest)
    chains.check()


def test_a_copy_goes_its_own_way():
    chains = Succession(4)
    chains.append(range(2), None, [False, False])
    for twin in (copy.deepcopy(chains), pickle.loads(pickle.dumps(chains))):
        twin.append([2], None, [False])
        assert [1, 2, -1, -1] == twin.following.tolist()
        twin.check()

    assert [1, -1, -1, -1] == chains.following.tolist()


def rebuilt(serials, upcoming, streams, ends=None):
    chains = Succession(10)
    chains.append(range(10), None, [False] * 10)
    slots = np.arange(len(serials))[::-1]
    chains.rebuild(slots, np.array(serials), upcoming, streams, ends or [False] * len(serials))
    chains.check()
    return chains


def test_rebuilt_from_items_without_a_gap_it_is_as_if_they_were_pushed():
    chains = rebuilt([5, 6, 7, 8], 9, ["a", "b", "a", "b"])
    assert [-1, -1, 0, 1] == chains.following.tolist()[:4]
    chains.append([4], ["a"], [False])

    assert 4 == chains.following[1]


def test_rebuilt_from_items_nothing_follows_across_a_gap():
    chains = rebuilt([5, 6, 8, 9], 10, ["a", "a", "a", "a"])

    assert [-1, 0, -1, 2] == chains.following.tolist()[:4]


def test_rebuilt_from_items_nothing_follows_the_newest_if_newer_ones_are_gone():
    chains = rebuilt([5, 6], 8, ["a", "a"])
    chains.append([2], ["a"], [False])

    assert [-1, 0, -1] == chains.following.tolist()[:3]


def test_rebuilt_from_items_streams_of_before_a_gap_do_not_go_on():
    chains = rebuilt([5, 6, 8], 9, ["a", "b", "b"], [False, False, False])
    chains.append([3, 4], ["a", "b"], [False, False])

    assert [4, -1, -1, -1, -1] == chains.following.tolist()[:5]


def test_rebuilt_from_nothing_it_is_empty():
    chains = rebuilt([], 4, [])

    assert [-1] * 10 == chains.following.tolist()


def test_of_saved_links_the_newest_items_keep_theirs():
    chains = Succession(5)
    chains.append(range(5), ["a", "b", "a", "b", "a"], [False] * 5)
    small = Succession(3)
    small.load_state_dict(chains.state_dict(range(5)), range(3))
    small.append([1], ["a"], [False])

    assert [2, -1, 1] == small.following.tolist()
    small.check()


@pytest.mark.parametrize(
    "state",
    [
        {"following": [1, -1], "newest": []},
        {"following": [1, 3, -1], "newest": []},
        {"following": [2, 2, -1], "newest": []},
        {"following": [-1, 0, -1], "newest": []},
        {"following": [1, 1, -1], "newest": []},
        {"following": [1, 2, -1], "newest": [(1, "a")]},
        {"following": [1, 2, -1], "newest": [(3, "a")]},
        {"following": [1, -1, -1], "newest": [(1, "a"), (2, "a")]},
        {"following": [1, -1, -1], "newest": [(2, "a"), (2, "b")]},
    ],
)
def test_links_that_do_not_fit_are_refused_and_change_nothing(state):
    chains = Succession(3)
    chains.append(range(3), None, [False] * 3)

    with pytest.raises(ValueError, match="do not fit 3 items"):
        chains.load_state_dict(state, range(3))
    assert [1, 2, -1] == chains.following.tolist()
    chains.check()


@pytest.mark.parametrize("count", [2, 8])
def test_lists_of_different_lengths_are_refused(count):
    chains = Succession(9)

    for streams, ends in (([0] * (count + 1), [False] * count), (None, [False] * (count - 1)), (None, True)):
        with pytest.raises(ValueError, match=f"{count} slots, .* do not fit together"):
            chains.append(range(count), streams, ends)


@pytest.mark.parametrize("slots", [[1, 1], [0, 1, 2, 3, 4, 5, 0]])
def test_a_slot_named_twice_is_refused(slots):
    with pytest.raises(ValueError, match="twice"):
        Succession(9).append(slots, None, [False] * len(slots))


@pytest.mark.parametrize("slot", [-1, 4])
def test_a_slot_out_of_range_is_refused(slot):
    chains = Succession(4)
    for action in (lambda: chains.append([slot], None, [False]), lambda: chains.remove([slot])):
        with pytest.raises(IndexError, match="out of range"):
            action()
    with pytest.raises(IndexError, match="out of range"):
        chains.walk([slot - 1], 2) if slot < 0 else chains.walk([slot], 2)


def test_nothing_follows_a_slot_that_is_none():
    assert [[-1, -1], [0, -1]] == Succession(1).walk([-1, 0], 2).tolist()


def test_what_does_not_fit_together_is_noticed():
    for spoil in (
        lambda chains: chains.following.__setitem__(0, -1),
        lambda chains: chains.preceding.__setitem__(0, 3),
        lambda chains: (chains.following.__setitem__(3, 0), chains.preceding.__setitem__(0, 3)),
        lambda chains: chains.is_newest.__setitem__(3, False),
        lambda chains: chains._newest.clear(),
        lambda chains: (chains.following.__setitem__(3, 4), chains.preceding.__setitem__(4, 3)),
    ):
        chains = Succession(6)
        chains.append(range(4), None, [False] * 4)
        chains.check()
        spoil(chains)
        with pytest.raises(ValueError, match=r"."):
            chains.check()
