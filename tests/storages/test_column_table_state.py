from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.storages.cells import column_in
from ding_buffer.storages.column_table import ColumnTable
from ding_buffer.storages.schema import Schema
from tests.storages.filled_table import SPEC, built, filled, payload, slots_of
from tests.storages.payloads import same

LAYOUTS = st.sampled_from(["aligned", "compact"])


@given(
    layout=LAYOUTS,
    other=LAYOUTS,
    slots=st.lists(st.integers(0, 9), max_size=8) | st.sampled_from([range(10), [8, 9, 0, 1], range(3, 7)]),
    skipped=st.integers(0, 3),
)
def test_a_state_is_read_into_any_slots_of_any_layout(layout, other, slots, skipped):
    state = filled(layout=layout).state(slots_of(*slots))
    kept = list(slots)[skipped:]
    table = ColumnTable(Schema.from_spec(SPEC), 20, other)
    into = np.arange(20)[::-2][: len(kept)]

    table.check_state(state, len(slots))
    table.load(into, state, min(skipped, len(slots)))

    for slot, place in zip(kept, into.tolist(), strict=True):
        assert all(same(payload(slot)[key], built(table, place)[key]) for key in SPEC)


@given(layout=LAYOUTS, slots=st.sampled_from([range(10), [8, 9, 0, 1], range(3, 7), [5, 1, 7, 3, 9], []]))
def test_numbers_are_saved_and_loaded_as_whole_rows(layout, slots):
    schema = Schema.from_spec({"a": np.float32, "b": (np.int64, (2,)), "c": (np.uint8, (400,))})
    table, other = ColumnTable(schema, 10, layout), ColumnTable(schema, 10, layout)
    rows = {
        "a": np.arange(10, dtype=np.float32),
        "b": np.arange(20).reshape(10, 2),
        "c": np.repeat(np.arange(10, dtype=np.uint8)[:, None], 400, axis=1),
    }
    table.write_many(np.arange(10), schema.stacked(rows))

    state = table.state(slots_of(*slots))
    into = np.roll(np.arange(10), 3)[: len(slots)]
    other.load(into, state)

    assert {"order", "places", "table 0", "table 1"} == state.keys()
    assert (len(slots), 400) == state["table 1"].shape
    for expected, column in zip(table.take(slots_of(*slots)), other.take(into), strict=True):
        np.testing.assert_array_equal(expected, column)


@pytest.mark.parametrize("layout", ["aligned", "compact"])
@pytest.mark.parametrize("skipped", [0, 2])
def test_rows_of_a_machine_of_the_other_byte_order_are_read(layout, skipped):
    table = filled(layout=layout)
    state = table.state(np.arange(4))
    for field, place in zip(table.schema.fields, table.layout.places, strict=True):
        if place is not None:
            column_in(state[f"table {place.table}"], place.offset, field).byteswap(inplace=True)
    state["order"] = "little" if sys.byteorder == "big" else "big"
    other = ColumnTable(table.schema, 4, layout)
    other.load(np.arange(4 - skipped), state, skipped)

    for slot in range(4 - skipped):
        assert all(same(payload(slot + skipped)[key], built(other, slot)[key]) for key in SPEC)


def test_a_state_is_a_copy_unless_a_view_will_do():
    table = filled()

    copied, viewed = table.state(np.arange(3, 6)), table.state(np.arange(3, 6), copy=False)

    assert not np.shares_memory(copied["table 0"], table.tables[0])
    assert np.shares_memory(viewed["table 0"], table.tables[0])


@pytest.mark.parametrize(
    "change",
    [
        {"order": "middle"},
        {"places": None},
        {"places": np.zeros((1, 2), np.int64)},
        {"places": np.full((6, 2), -1)},
        {"places": np.array([(0, 500), (0, 0), (0, 0), (1, 0), (-1, -1), (-1, -1)])},
        {"places": np.array([(0, -4), (0, 0), (0, 0), (1, 0), (-1, -1), (-1, -1)])},
        {"table 0": np.zeros((3, 32), np.uint8)},
        {"table 0": np.zeros(32, np.uint8)},
        {"table 1": np.zeros((4, 399), np.uint8)},
        {"values 4": np.zeros(99, np.int16)},
        {"values 4": np.zeros((6, 2), np.int16)},
        {"lengths 4": np.zeros(3, np.int64)},
        {"objects 5": [1, 2]},
        {"objects 5": None},
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(change):
    state = {**filled().state(np.arange(4)), **change}
    table = filled()

    with pytest.raises(CorruptSnapshot, match="The saved columns do not fit together"):
        table.load(np.arange(5, 9), state)

    assert all(same(payload(slot)[key], built(table, slot)[key]) for slot in range(10) for key in SPEC)


@pytest.mark.parametrize("missing", ["order", "places", "table 0", "values 4", "objects 5"])
def test_a_state_that_lacks_a_part_is_refused(missing):
    state = filled().state(np.arange(4))
    del state[missing]

    with pytest.raises(CorruptSnapshot, match="The saved columns do not fit together"):
        filled().check_state(state, 4)
