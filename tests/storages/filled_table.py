"""A table with rows in it, and what each of them should be."""

from __future__ import annotations

from typing import Any

import numpy as np

from ding_buffer.storages.column_table import ColumnTable
from ding_buffer.storages.schema import Schema
from ding_buffer.storages.schema_spec import Ragged

SPEC = {
    "obs": (np.float32, (4,)),
    "action": np.int32,
    "reward": float,
    "image": (np.uint8, (20, 20)),
    "tokens": Ragged(np.int16),
    "info": object,
}


def payload(row):
    return {
        "obs": np.full(4, row, np.float32),
        "action": np.int32(row),
        "reward": row / 2,
        "image": np.full((20, 20), row % 256, np.uint8),
        "tokens": np.arange(row % 4, dtype=np.int16),
        "info": [row],
    }


def filled(capacity=10, layout: Any = "aligned", count=10):
    table = ColumnTable(Schema.from_spec(SPEC), capacity, layout)
    for row in range(count):
        table.write(row, table.schema.fit(payload(row)))
    return table


def slots_of(*slots):
    return np.array(slots, dtype=np.int64)


def built(table, slot):
    return table.schema.build(table.row(slot))
