from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.structures.slot_uses import SlotUses


def column(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def test_each_use_counts_and_an_item_named_twice_is_used_twice():
    uses = SlotUses(4)

    assert [1, 2, 2] == uses.add(column(3, 0, 0), column(7, 4, 4)).tolist()
    assert [2, 3] == uses.add(column(3, 0), column(7, 4)).tolist()
    assert [3, 0, 2] == uses.of(column(0, 1, 3), column(4, 5, 7)).tolist()


def test_a_slot_with_another_item_begins_anew():
    uses = SlotUses(2)
    uses.add(column(1, 1), column(1, 1))

    assert [0] == uses.of(column(1), column(3)).tolist()
    assert [1] == uses.add(column(1), column(3)).tolist()


def test_nothing_used_is_nothing_counted():
    assert [] == SlotUses(2).add(column(), column()).tolist()


def test_counts_can_be_replaced_and_forgotten():
    uses = SlotUses(3)
    uses.add(column(0), column(9))
    uses.replace(column(1, 2), column(4, 5), column(6, 0))

    assert [0, 6, 0] == uses.of(column(0, 1, 2), column(9, 4, 5)).tolist()
    assert [7, 1] == uses.add(column(1, 2), column(4, 5)).tolist()
    uses.forget()
    assert [1, 1] == uses.add(column(1, 2), column(4, 5)).tolist()


@given(st.integers(1, 4), st.lists(st.lists(st.integers(0, 40), max_size=6), max_size=12))
def test_any_uses_agree_with_a_counter_by_serial(capacity, batches):
    uses, newest = SlotUses(capacity), capacity - 1
    counter: Counter[int] = Counter()
    for batch in batches:
        newest = max([newest, *batch])
        serials = [serial for serial in batch if serial > newest - capacity]
        counter.update(serials)
        counts = uses.add(column(*(serial % capacity for serial in serials)), column(*serials))
        assert [counter[serial] for serial in serials] == counts.tolist()
