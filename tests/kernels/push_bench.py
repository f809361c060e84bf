"""A push with all it stands on, over a list and over records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ding_buffer.core.item import BufferedData

PREFIX = "0123456789abcdef"
FIRST = 1 << 60
TRANSITION = (
    ("obs", "f", (4,)),
    ("action", "i", ()),
    ("reward", "f", ()),
    ("next_obs", "f", (4,)),
    ("done", "?", ()),
)


class Bench:
    """A push with all it stands on; ``calls`` are the arguments that came the slow way."""

    def __init__(self, kind, capacity=3, target=None, **options):
        self.ring = kind.RingCounter(capacity)
        self.mutex = kind.Mutex()
        self.items: list = []
        self.calls: list = []
        self.fast = kind.FastPush(
            self.ring,
            self.mutex,
            BufferedData,
            self.slow,
            self.items if target is None else target,
            **options,
        )
        self.fast.alone, self.fast.prefix = True, PREFIX
        self.push = self.fast.push

    def slow(self, data, meta=None):
        self.calls.append((data, meta))
        return "slow"

    def numbers(self):
        return (self.ring.next, self.ring.count, self.ring.first)


class Records:
    """A push into records, packed with ``gap`` bytes between, large fields each in a table of its own."""

    def __init__(self, kind, fields=TRANSITION, capacity=3, gap=0, versions=None, rows=None, **options):
        rows = capacity if rows is None else rows
        plan: list[Any] = []
        tables: list[Any] = [None]
        end = gap
        for key, char, shape in fields:
            dtype, count = np.dtype(char), math.prod(shape)
            if count * dtype.itemsize > 300:
                plan.append((key, char, dtype.itemsize, count, shape, 0, len(tables)))
                tables.append(np.full((rows, count * dtype.itemsize), 171, dtype=np.uint8))
            else:
                plan.append((key, char, dtype.itemsize, count, shape, end, 0))
                end += count * dtype.itemsize + gap
        tables[0] = np.full((rows, end), 171, dtype=np.uint8)
        self.plan, self.tables = tuple(plan), tuple(tables)
        self.ring, self.mutex = kind.RingCounter(capacity), kind.Mutex()
        self.calls: list[Any] = []
        self.fast = kind.FastPush(
            *(self.ring, self.mutex, BufferedData, self.slow, (self.plan, self.tables), versions), **options
        )
        self.fast.alone, self.fast.prefix = True, PREFIX
        self.push = self.fast.push

    def slow(self, data, meta=None):
        self.calls.append((data, meta))
        return "slow"

    def field(self, slot, key):
        _, char, itemsize, count, shape, offset, table = next(field for field in self.plan if field[0] == key)
        row = self.tables[table][slot, offset : offset + itemsize * count]
        return np.frombuffer(row.tobytes(), dtype=char).reshape(shape)

    def untouched(self):
        return all((table == 171).all() for table in self.tables) and self.ring.next == 0


def transition(number=1.0, **changes):
    obs = np.arange(4, dtype=np.float32) + number
    data = {"obs": obs, "action": int(number), "reward": number / 2, "next_obs": obs + 1, "done": number > 3}
    return {**data, **changes}
