"""Rows of shared memory to test with."""

from __future__ import annotations

import numpy as np

from ding_buffer.storages.declared_meta import DeclaredMeta
from ding_buffer.storages.row_plan import MappedRows, RowPlan, bytes_needed
from ding_buffer.storages.row_writer import RowWriter
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.shared_segment import SharedSegment

NONE = np.empty(0, dtype=np.int64)


def mapped(capacity=8, writers=1):
    """Returns a plan, its arrays, and the segment that holds them."""
    plan = RowPlan(
        Schema.from_spec({"x": np.int64}), capacity, writers, "compact", DeclaredMeta.of({"n": int})
    )
    segment = SharedSegment.create(None, bytes_needed(plan), lambda one: one.write(plan.head()))
    rows = MappedRows(plan, segment)
    segment.leave()  # it stays mapped
    return plan, rows


def writer_of(plan, rows, number=0, held=NONE):
    return RowWriter(rows, plan, number, held)


def write(writer, count, give_back=True):
    """Writes rows that are free again at once; their metas say how many were written before."""
    places, stamps = writer.begin(count)
    writer._mapped.metas[places, 0] = 2
    writer._mapped.metas[places, 1] = np.arange(writer.serial, writer.serial + count)
    writer.finish(places, stamps)
    if give_back:
        writer.give_back(places)
    return places
