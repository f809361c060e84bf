from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.storages.declared_meta import DeclaredMeta
from ding_buffer.storages.row_plan import MappedRows, RowPlan, bytes_needed, check_sharable
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.shared_segment import SharedSegment

SPEC = {"obs": (np.float32, (3,)), "frame": (np.uint8, (30, 20)), "flag": np.bool_}


def made(capacity=10, writers=1, layout="compact", spec=None, meta=None):
    return RowPlan(Schema.from_spec(spec or SPEC), capacity, writers, layout, DeclaredMeta.of(meta))


def segment_of(plan):
    return SharedSegment.create(None, bytes_needed(plan), lambda segment: segment.write(plan.head()))


@given(st.integers(1, 5000), st.integers(1, 20))
def test_the_shares_of_writers_are_even_and_their_parts_have_room_to_spare(capacity, writers):
    if writers > capacity:
        with pytest.raises(BadArgument, match=f"{writers} writers need a buffer of at least as many items"):
            made(capacity, writers)
        return
    plan = made(capacity, writers)

    assert capacity == sum(plan.shares)
    assert max(plan.shares) - min(plan.shares) <= 1
    sizes = np.diff(plan.starts)
    assert writers == len(sizes)
    assert all(share < size <= 2 * share for share, size in zip(plan.shares, sizes, strict=True))


def test_what_is_spared_is_small_beside_much():
    assert 1_000_000 + 15_625 == made(1_000_000, spec={"x": np.float32}).starts[-1]
    assert 1000 + 16 == made(1000, spec={"x": (np.float32, (1000, 1000))}).starts[-1]


def test_another_process_reads_the_same_plan():
    plan = made(12, 3, "aligned", meta={"env": int, "priority": float})
    segment = segment_of(plan)
    read = RowPlan.read(segment)

    assert (12, 3, "aligned") == (read.capacity, read.writers, read.layout)
    assert plan.schema == read.schema
    assert {"env": "int", "priority": "float"} == read.meta.kinds
    assert plan.head() == read.head()
    segment.leave()


def test_a_plan_of_another_edition_is_refused():
    plan = made()
    head = plan.head().replace(b'"edition": 1', b'"edition": 9')
    segment = SharedSegment.create(None, bytes_needed(plan), lambda segment: segment.write(head))
    with pytest.raises(
        BadArgument, match="is of edition 9, and this is 1: all processes need the same version"
    ):
        RowPlan.read(segment)
    segment.leave()


def test_no_two_arrays_overlap_and_all_fit():
    plan = made(20, 3, meta={"env": int, "priority": float})
    segment = segment_of(plan)
    mapped = MappedRows(plan, segment)
    rows = plan.starts[-1]
    arrays = [mapped.written, mapped.versions, mapped.log, mapped.metas]
    arrays += [mapped.allocate("", (rows, size), np.dtype(np.uint8)) for size in plan.row_layout.itemsizes]
    for number, array in enumerate(arrays):
        assert not array.any()
        assert 0 == array.ctypes.data % 64
        array[...] = number + 1
    for number, array in enumerate(arrays):
        assert (array == number + 1).all()
    assert (3,) == mapped.written.shape
    assert (rows, 3) == mapped.metas.shape
    assert plan.head() == segment.array(0, (len(plan.head()),), np.uint8).tobytes()
    segment.leave()


def test_fields_that_cannot_be_shared_are_named():
    check_sharable(Schema.from_spec(SPEC))
    with pytest.raises(SchemaError, match="name: expected fields of a fixed size, which processes can share"):
        check_sharable(Schema.from_spec({"name": str, "obs": np.float32}))
