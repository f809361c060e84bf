from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import CorruptSnapshot, SchemaError
from ding_buffer.storages.column_content import read_columns, save_columns, stack_content, unstack_content
from ding_buffer.storages.column_table import ColumnTable
from ding_buffer.storages.content import ObjectContent
from ding_buffer.storages.meta_table import MetaTable
from ding_buffer.storages.schema import Schema


def payload(number: int) -> dict[str, Any]:
    return {
        "obs": np.full(3, number, np.float32),
        "n": number,
        "name": f"item {number}",
        "inner": (number / 2,),
    }


def meta(number: int) -> dict[str, Any]:
    return {"env": number % 2} if number % 3 else {"note": "x"}


def same(one: Any, other: Any) -> bool:
    return np.array_equal(one["obs"], other["obs"]) and all(
        one[key] == other[key] for key in ("n", "name", "inner")
    )


def content_of(count: int) -> ObjectContent:
    return ObjectContent(
        [payload(number) for number in range(count)], [meta(number) for number in range(count)]
    )


def saved(slots, layout="aligned"):
    """The state of slots of a table that holds item n in slot n."""
    schema = Schema.of(payload(0))
    table, metas = ColumnTable(schema, 6, layout), MetaTable(6)
    for slot in range(6):
        table.write(slot, schema.fit(payload(slot)))
        metas.put(slot, meta(slot))
    return save_columns(table, metas, np.array(slots, dtype=np.int64))


@pytest.mark.parametrize("layout", ["aligned", "compact"])
@pytest.mark.parametrize("skipped", [0, 2, 4])
def test_saved_columns_come_back_as_payloads_and_metas(layout, skipped):
    slots = [4, 1, 0, 5]
    content = read_columns(saved(slots, layout), 4, skipped)
    objects = unstack_content(content)

    assert 4 - skipped == content.length
    assert [meta(slot).get("env") for slot in slots[skipped:]] == content.values("env")
    assert [meta(slot) for slot in slots[skipped:]] == objects.metas
    assert all(same(payload(slot), one) for slot, one in zip(slots[skipped:], objects.payloads, strict=True))


def test_a_saved_state_is_a_copy():
    schema, table = Schema.of({"n": 1}), ColumnTable(Schema.of({"n": 1}), 2)
    table.write(0, schema.fit({"n": 7}))
    state = save_columns(table, MetaTable(2), np.array([0]))
    table.write(0, schema.fit({"n": 8}))

    assert [{"n": 7}] == unstack_content(read_columns(state, 1, 0)).payloads


@pytest.mark.parametrize("count", [0, 1, 5])
def test_payloads_become_columns_and_payloads_again(count):
    content = stack_content(Schema.of(payload(0)), content_of(count))
    objects = unstack_content(content)

    assert count == content.length == len(objects.payloads)
    assert [meta(number).get("note") for number in range(count)] == content.values("note")
    assert content_of(count).metas == objects.metas
    assert all(map(same, content_of(count).payloads, objects.payloads))


def test_columns_are_written_into_any_slots():
    content = stack_content(Schema.of(payload(0)), content_of(3))
    table = ColumnTable(content.schema, 6)
    content.write(table, np.array([5, 0, 3]))

    for number, slot in enumerate([5, 0, 3]):
        assert same(payload(number), content.schema.build(table.row(slot)))


def test_a_payload_that_does_not_fit_is_named():
    content = ObjectContent([{"n": 1}, {"n": "text"}], [{}, {}])

    with pytest.raises(SchemaError, match="n in row 1: expected one int64, got the str 'text'"):
        stack_content(Schema.of({"n": 1}), content)


@pytest.mark.parametrize(
    "damage", [{"columns": {}}, {"schema": None}, {"meta_columns": {"env": {}}}, "columns"]
)
def test_a_damaged_state_is_refused(damage):
    state = copy.deepcopy(saved([0, 1]))
    if isinstance(damage, str):
        del state[damage]
    else:
        state.update(damage)

    with pytest.raises((KeyError, TypeError, ValueError, CorruptSnapshot)):
        read_columns(state, 2, 0)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("skipped", [0, 1])
def test_a_state_of_another_length_is_refused(count, skipped):
    with pytest.raises((ValueError, CorruptSnapshot)):
        read_columns(saved([0, 1]), count, skipped)
