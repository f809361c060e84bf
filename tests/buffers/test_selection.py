from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.selection import Selection, describe_gone, select
from ding_buffer.core.errors import BadArgument, BadQuery, NotEnoughItems, UnknownIndex


def store(count=9):
    buffer = DequeBuffer(9, seed=0)
    for number in range(count):
        buffer.push(number, {"env": number % 3})
    return buffer.store


def asked(
    size=None, indices=None, replace=False, sample_range=None, groupby=None, unroll_len=None, sliced=False
):
    return Selection(size, indices, replace, sample_range, groupby, unroll_len, sliced)


def groups_of(chosen):
    chosen = getattr(chosen, "flat", chosen)
    ends = np.cumsum(chosen.lengths)
    return [
        chosen.slots[end - length : end].tolist() for end, length in zip(ends, chosen.lengths, strict=True)
    ]


def test_slots_are_chosen_and_nothing_is_fetched():
    heart = store()
    chosen = select(heart, asked(4))

    assert 4 == len(set(chosen.slots.tolist()))
    assert (None, False) == (chosen.lengths, chosen.repeats)
    assert np.int64 == chosen.slots.dtype
    assert 0 == heart.counts["sampled"]
    assert [item.data for item in chosen.take(heart)] == chosen.slots.tolist()
    assert 4 == heart.counts["sampled"]


def test_with_replacement_a_slot_may_repeat():
    chosen = select(store(), asked(40, replace=True))

    assert 40 == len(chosen.slots) > len(set(chosen.slots.tolist()))
    assert chosen.repeats


def test_groups_are_lists_of_slots():
    heart = store()
    chosen = select(heart, asked(2, groupby="env"))

    assert all(3 == len(group) for group in groups_of(chosen))
    assert [[item.data for item in group] for group in chosen.take(heart)] == [
        list(group) for group in groups_of(chosen)
    ]
    assert 6 == heart.counts["sampled"]


def test_groups_that_repeat_are_cut_where_they_end():
    heart = store(8)
    chosen = select(heart, asked(20, groupby="env", replace=True))
    batch = chosen.take(heart)

    assert [[item.data for item in group] for group in batch] == [list(group) for group in groups_of(chosen)]
    assert 20 <= len({id(item) for group in batch for item in group})


def test_windows_are_part_of_their_groups():
    chosen = select(store(), asked(30, groupby="env", replace=True, unroll_len=2))

    assert {(0, 3), (3, 6), (1, 4), (4, 7), (2, 5), (5, 8)} == {tuple(group) for group in groups_of(chosen)}


def test_indices_are_found_flat_and_nested():
    heart = store()
    texts = [item.index for item in heart.items(heart.live())]

    assert [3, 1, 3] == list(select(heart, asked(indices=[texts[3], texts[1], texts[3]])).slots)
    groups = groups_of(select(heart, asked(2, indices=[[texts[3]], [texts[1], texts[3]]])))
    assert [[3], [1, 3]] == groups


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (asked(), BadQuery),
        (asked(0), BadQuery),
        (asked(2, unroll_len=2), BadQuery),
        (asked(indices=["x"], groupby="env"), BadQuery),
        (asked(indices=["x"], unroll_len=2), BadQuery),
        (asked(2, indices=["x"]), BadQuery),
        (asked(indices=["x"]), UnknownIndex),
        (asked(10), NotEnoughItems),
        (asked(4, groupby="env"), NotEnoughItems),
        (asked(1, groupby="env", unroll_len=4), NotEnoughItems),
        (asked(-1), BadArgument),
        (asked(1.5), BadArgument),
        (asked(1, groupby=5), BadArgument),
        (asked(1, groupby="env", unroll_len=-1), BadArgument),
        (asked(1, sample_range=3), BadArgument),
    ],
)
def test_what_cannot_be_chosen_is_an_error_of_its_kind(query, error):
    with pytest.raises(error) as caught:
        select(store(), query)
    assert error is type(caught.value)


def test_a_failed_choice_draws_no_random_number():
    heart = store()
    before = heart.rng.bit_generator.state
    for query in (asked(10), asked(4, groupby="nobody"), asked(1, sample_range=slice(0, 0), replace=True)):
        with pytest.raises(NotEnoughItems):
            select(heart, query)
    assert before == heart.rng.bit_generator.state


def test_the_same_generator_chooses_the_same():
    for query in (asked(4), asked(4, replace=True), asked(2, groupby="env", unroll_len=2, replace=True)):
        one, other = (
            getattr(made, "flat", made) for made in (select(store(), query), select(store(), query))
        )
        assert one.slots.tolist() == other.slots.tolist()
        assert one[1:] == other[1:]


def test_a_missing_index_is_described_with_its_reason():
    heart = store()
    texts = [item.index for item in heart.items(heart.live())]
    heart.delete(np.array([4]))

    assert "it has left the buffer" in describe_gone(heart, texts[4], np.array([False]))
    assert "it lies outside sample_range" in describe_gone(heart, texts[3], np.array([False]))
    assert "it was never in this buffer" in describe_gone(heart, "0" * 32, np.array([False]))
    never = texts[0][:16] + f"{(1 << 60) + 99:x}"
    assert "it was never in this buffer" in describe_gone(heart, [never], np.array([False]))
    text = describe_gone(heart, [[texts[0]], (texts[4], "x")], np.array([True, False, False]))
    assert f"There is no item {texts[4]!r} (and 1 more): it has left the buffer." == text
    assert "in slot 4" in describe_gone(heart, np.array([0, 4]), np.array([True, False]))
