from __future__ import annotations

import itertools

import numpy as np
import pytest

from ding_buffer.samplers.group import draw_groups
from ding_buffer.samplers.uniform import with_replacement
from ding_buffer.structures.group_index import GroupIndex

LENGTHS = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 6}


def made(lengths=LENGTHS):
    """Groups whose items come in turn; the slot of each is its serial."""
    index, serial = GroupIndex(), 0
    for turn in range(max(lengths.values())):
        for value, length in lengths.items():
            if turn < length:
                index.add(serial, serial, value)
                serial += 1
    return index


def names(index, drawn):
    return [index.of(slots[0]).value for slots in drawn]


def counted(index, draw, size, times, **query):
    rng = np.random.default_rng(11)
    drawn = [name for _ in range(times) for name in names(index, draw(rng, index, size, **query))]
    return {value: drawn.count(value) for value in LENGTHS}


def of_their_size(rng, index, size, *, replace, at_least=1, between=None):
    """Draws an item and takes its group: a long group too often."""
    slots = [slot for group in index.groups for slot in group.slots]
    return [index.of(slots[place]).slots for place in with_replacement(rng, len(slots), size)]


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_every_group_is_equally_likely_whatever_its_length(surprise, replace, size):
    times = 60_000 // size
    counts = counted(made(), draw_groups, size, times, replace=replace)

    assert 4.0 > surprise(list(counts.values()), [times * size / 5] * 5)


def test_groups_drawn_by_their_length_would_be_noticed(surprise):
    counts = counted(made(), of_their_size, 2, 30_000, replace=True)

    assert 4.0 < surprise(list(counts.values()), [12_000] * 5)


@pytest.mark.parametrize("replace", [True, False])
def test_only_long_enough_groups_take_part_and_all_alike(surprise, replace):
    counts = counted(made(), draw_groups, 2, 30_000, replace=replace, at_least=3)

    assert 0 == counts["a"] + counts["b"]
    assert 4.0 > surprise([counts[value] for value in "cde"], [20_000] * 3)


@pytest.mark.parametrize("replace", [True, False])
def test_in_a_range_every_group_that_has_an_item_there_is_equally_likely(surprise, replace):
    index = made()
    between = (4, 12)  # of "a" nothing, of the others some
    counts = counted(index, draw_groups, 2, 30_000, replace=replace, between=between)

    assert 0 == counts["a"]
    present = {index.of(slot).value for slot in range(*between)}
    assert 4.0 > surprise(
        [counts[value] for value in sorted(present)], [60_000 / len(present)] * len(present)
    )


def test_few_that_take_part_among_many_are_equally_likely(surprise):
    index = made({**LENGTHS, **dict.fromkeys(range(2000), 1)})
    counts = counted(index, draw_groups, 2, 3000, replace=True, at_least=3)

    assert 4.0 > surprise([counts[value] for value in "cde"], [2000] * 3)


def test_ordered_choices_without_replacement_are_equally_likely(surprise):
    index, rng = made(), np.random.default_rng(2)
    drawn = [
        tuple(names(index, draw_groups(rng, index, 2, replace=False, at_least=2))) for _ in range(60_000)
    ]
    choices = list(itertools.permutations("bcde", 2))

    assert 4.0 > surprise([drawn.count(choice) for choice in choices], [5000] * len(choices))


def test_a_group_comes_whole_in_storage_order():
    index = made()
    for slots in draw_groups(np.random.default_rng(0), index, 5, replace=False):
        group = index.of(slots[0])
        assert group.slots == list(slots)


def test_in_a_range_a_group_comes_with_its_items_of_the_range():
    index = made()
    for slots in draw_groups(np.random.default_rng(0), index, 30, replace=True, between=(3, 9)):
        group = index.of(slots[0])
        assert [slot for slot in group.slots if 3 <= slot < 9] == list(slots)


def test_evicted_items_do_not_come_back():
    index = made()
    for slot in range(6):
        index.evict(slot)
    drawn = draw_groups(np.random.default_rng(0), index, 3, replace=False)

    assert set(range(6, 16)) == {slot for slots in drawn for slot in slots}


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ({}, 5),
        ({"at_least": 3}, 3),
        ({"at_least": 7}, 0),
        ({"between": (0, 3)}, 3),
        ({"between": (99, 100)}, 0),
    ],
)
def test_of_too_few_groups_none_is_drawn(query, most):
    index, rng = made(), np.random.default_rng(0)

    assert [] == draw_groups(rng, index, most + 1, replace=False, **query)
    assert most == len(draw_groups(rng, index, most, replace=False, **query))
    assert (20 if most else 0) == len(draw_groups(rng, index, 20, replace=True, **query))


def test_no_groups_give_none():
    for query in ({}, {"at_least": 2}, {"between": (0, 5)}):
        for replace in (True, False):
            assert [] == draw_groups(np.random.default_rng(0), GroupIndex(), 1, replace=replace, **query)


def test_one_eligible_group_among_many_is_found():
    index = made({**dict.fromkeys(range(5000), 1), "long": 4})
    drawn = draw_groups(np.random.default_rng(0), index, 3, replace=True, at_least=2)

    assert ["long"] * 3 == names(index, drawn)
