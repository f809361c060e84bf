"""Calls every C function with arguments that are right, odd and wrong, for FUZZ_SECONDS; `make fuzz-kernels`.

Takes the folder of an extension built with sanitizers, which end the process at the first bad access. Runs
the tests of the kernels on that extension first. FUZZ_SEED repeats a run.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import random
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.kernels import numpy_crc
from tests.kernels.both import SPOILERS, outcome, spoilt
from tests.kernels.test_numpy_tree import new_tree

NAME = "ding_buffer.kernels.compiled"
FUNCTIONS = (
    "crc32",
    "first_distinct",
    "fold_rewards",
    "gather",
    "n_step",
    "power",
    "read_texts",
    "relink",
    "scatter",
    "set_priorities",
    "stack",
    "take_metas",
    "take_objects",
    "take_rows",
    "tree_draw",
    "tree_sums",
    "weighed_draw",
    "draw_distinct",
    "draw_starts",
    "enter_runs",
    "leave_runs",
    "link_many",
    "bounds",
    "all_below",
    "count_up",
    "extend",
    "tree_sum",
    "walk",
)


def take_rows(module, table, fields, build, slots):
    """Makes a RowTaker and takes rows with it."""
    return module.RowTaker(fields, (table,), build).take(slots)


def tree_sums(module, levels, lows, starts, slots, numbers, size):
    """Makes a TreeSums, writes leaves with it and draws from it."""
    sums = module.TreeSums(levels, lows, starts)
    sums.weigh(np.zeros(50), np.zeros(50, dtype=np.bool_), slots, numbers, 1e-5, 0.6, 9.0)
    sums.mark(slots)
    sums.find(numbers)
    return sums.draw(np.random.default_rng(0), size, True, -0.4), sums.total, sums.lowest


def draw_distinct(module, n, size):
    """Draws from a generator of its own."""
    return module.draw_distinct(np.random.default_rng(0), n, size)


def crc32(module, data, value):
    """Calls the function where the processor can do it."""
    return getattr(module, "crc32", numpy_crc.crc32)(data, value)


def stack(module, fields, batch):
    """Makes a Stacker and gives it a batch."""
    return module.Stacker(fields).columns(batch)


def extend(module, fields, batch, meta, metas, begin):
    """Makes a FastExtend into a ring of 50, of which serial ``begin`` is next, and gives it a batch."""
    from ding_buffer.core.buffered_batch import BufferedBatch
    from ding_buffer.core.index_column import IndexColumn
    from ding_buffer.core.item import BufferedData
    from ding_buffer.structures.later_serials import LaterSerials

    ring, width, plan = module.RingCounter(50), 0, []
    for key, char, itemsize, count, shape in fields:
        plan.append((key, char, itemsize, count, shape, width, 0))
        width += itemsize * count
    target = tuple(plan), (np.zeros((50, width), dtype=np.uint8),)
    push = module.FastPush(ring, module.Mutex(), BufferedData, print, target, metas=metas)
    push.alone, push.prefix, push.late = True, "0123456789abcdef", begin % 3 == 0
    ring.next = ring.first = begin
    types = (BufferedBatch, IndexColumn, LaterSerials)
    fast = module.FastExtend(push, lambda *_, **__: None, None, types)
    return [fast.extend(batch, meta) for _ in range(3)]


# What is a type in the extension, or is given something that is made for it.
OF_TYPES: dict[str, Any] = {
    "crc32": crc32,
    "draw_distinct": draw_distinct,
    "extend": extend,
    "stack": stack,
    "take_rows": take_rows,
    "tree_sums": tree_sums,
}


def load(folder):
    """Puts the extension in that folder in the place of the one of the package."""
    (path,) = Path(folder).rglob("compiled*.so")
    spec = importlib.util.spec_from_file_location(NAME, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[NAME] = module
    return module


class Evil:
    """Says it is an array, and while it is asked for it changes what else was handed over."""

    def __init__(self, random, others):
        self.random, self.others = random, others

    def _meddle(self):
        for other in self.others:
            if isinstance(other, list):
                other.clear()
            elif isinstance(other, np.ndarray) and other.flags.owndata:
                try:
                    other.resize(self.random.choice([0, 1, 10**6]), refcheck=True)
                except ValueError:  # somebody still looks at it
                    continue

    def __array__(self, dtype=None, copy=None):
        self._meddle()
        return np.array([self.random.randrange(-3, 50) for _ in range(self.random.randrange(5))])

    def __float__(self):
        self._meddle()
        return self.random.choice([0.5, -1.0, float("nan")])

    def __index__(self):
        self._meddle()
        return self.random.choice([-1, 0, 3, 2**40])


def tree_arguments(rng):
    capacity = int(rng.choice([1, 17, 300, 70_000]))
    levels, lows, starts = new_tree(capacity, int(rng.choice([1, 16, 256])), rng.random(capacity))
    return levels, lows, starts, capacity


def steps_arguments(name, slots, rng):
    links, n = rng.integers(-1, 50, 50), slots.size
    if name == "walk":
        return [links, slots, int(rng.integers(0, 20))]
    if name == "fold_rewards":
        return [rng.random((n, 7)), rng.random((n, 7)) < 0.5, 0.9]
    if name == "relink":
        preceding, newest = rng.integers(-1, 50, 50), rng.random(50) < 0.5
        return [links, preceding, newest, int(rng.integers(0, 50)), int(rng.integers(-1, 50)), True]
    table = rng.integers(0, 256, (50, 40), dtype=np.uint8)
    kinds, offsets = rng.choice([*"?bHifqd"], 4), rng.integers(0, 33, 4).tolist()
    columns = [np.ndarray(50, *one, (40,)) for one in zip(kinds, [table] * 4, offsets, strict=True)]
    flags = [column if rng.random() < 0.7 else None for column in columns[1:]]
    return [links, slots, 0.9 ** np.arange(rng.integers(2, 9)), columns[0], *flags]


def stack_arguments(name, slots, rng):
    n, shapes = slots.size, [(), (), (3,), (2, 2), (0,)]
    fields = [
        (f"k{number}", str(rng.choice([*"?bhilqBHILQefd"])), shapes[rng.integers(0, 5)])
        for number in range(rng.integers(1, 5))
    ]
    given = tuple(
        (key, char, np.dtype(char).itemsize, int(np.prod(shape)), shape) for key, char, shape in fields
    )
    if rng.random() < 0.3:
        return [given, {key: np.ones((n, *shape), dtype=char) for key, char, shape in fields}]
    rows = [{key: np.ones(shape, dtype=char) for key, char, shape in fields} for _ in range(min(n, 70))]
    for row in rows:
        for key, _, shape in fields:
            if not shape and rng.random() < 0.5:
                row[key] = (
                    row[key][()] if rng.random() < 0.5 else [True, 2, 0.5, -(2**70), None][rng.integers(5)]
                )
    return [given, rows]


def extend_arguments(name, slots, rng):
    fields, n = stack_arguments(name, slots, rng)[0], int(rng.integers(1, 50))
    kinds = {"a": "d", "b": "q", "c": "?"}
    metas = [{key: rng.random(size).astype(kind) for key, kind in kinds.items()} for size in (50, n)]
    there = {key: rng.random(50) < 0.5 for key in kinds if rng.random() < 0.8}
    meta = {key: column for key, column in metas[1].items() if rng.random() < 0.7}
    batch = {key: np.ones((n, *shape), dtype=char) for key, char, _, _, shape in fields}
    return [fields, batch, meta, (metas[0], there), int(rng.integers(0, 99))]


def starts_arguments(name, slots, rng):
    links, preceding, mates, steps = (rng.integers(-1, 50, 50) for _ in range(4))
    counts = rng.integers(0, 9, 50)
    newest, held, legal = (rng.random(50) < rng.random() for _ in range(3))
    if name == "draw_distinct":
        size = slots.size
        return [size * int(rng.choice([1, 2, 100, 2**40])), size]
    if name == "draw_starts":
        return [legal, slots, int(rng.integers(0, 60)), bool(rng.random() < 0.5)]
    if name == "link_many":
        slots, heads = rng.permutation(50)[: slots.size], rng.integers(-1, 50, 7)
        numbers, ends = rng.integers(0, 7, slots.size), rng.random(slots.size) < 0.2
        return [links, preceding, newest, slots, numbers, heads, ends]
    if name == "enter_runs":
        need, stride = rng.integers(1, 6, 2).tolist()
        return [links, preceding, mates, counts, steps, held, legal, slots, need, stride]
    return [links, preceding, newest, mates, counts, held, legal, slots]


def taken_arguments(name, slots, rng):
    if name == "take_metas":
        values = {key: rng.random(50).astype(kind) for key, kind in zip("abcd", "dq?O", strict=True)}
        return [values, {"a": rng.random(50) < 0.5, "d": rng.random(50) < 0.5}, slots]
    if name == "take_rows":
        kinds = [(0, int(rng.integers(0, 20)), np.dtype(kind), (int(rng.integers(0, 4)),)) for kind in "?bfd"]
        build = (None, tuple("abcd"), list)[int(rng.integers(3))]
        return [rng.integers(0, 256, (50, 50), dtype=np.uint8), tuple(kinds), build, slots]
    levels, lows, starts = new_tree(50, 16, rng.random(50))
    return [tuple(levels), tuple(lows), starts, slots, rng.random(slots.size), int(rng.integers(0, 600))]


MAKERS = {
    **dict.fromkeys(("take_metas", "take_rows", "tree_sums"), taken_arguments),
    **dict.fromkeys(("fold_rewards", "n_step", "relink", "walk"), steps_arguments),
    "extend": extend_arguments,
    "stack": stack_arguments,
    **dict.fromkeys(
        ("draw_distinct", "draw_starts", "enter_runs", "leave_runs", "link_many"), starts_arguments
    ),
}


def right_arguments(name, rng):
    """Arguments that function takes."""
    n = int(rng.choice([0, 1, 2, 5, 64, 513, 5000]))
    slots = rng.integers(0, 50, n)
    if name == "tree_sum":
        levels, lows, starts, _ = tree_arguments(rng)
        nodes = rng.integers(0, max(1, levels[0].size // 16), n)
        return [levels, lows, starts, nodes if rng.random() < 0.8 else None]
    if name == "tree_draw":
        levels, lows, starts, capacity = tree_arguments(rng)
        return [levels, starts, rng.random(n) * capacity]
    if name == "weighed_draw":
        levels, lows, starts, capacity = tree_arguments(rng)
        return [levels, starts, rng.random(n), bool(n % 2), float(capacity), 0.1, -0.4]
    if name in {"bounds", "all_below", "count_up"}:
        return {
            "bounds": [rng.random(n)],
            "all_below": [slots, int(rng.integers(0, 60))],
            "count_up": [np.zeros(50, dtype=np.int64), slots],
        }[name]
    if name == "set_priorities":
        live = rng.random(50) < 0.5
        return [
            np.zeros(64),
            np.zeros(50),
            live,
            slots,
            rng.random(n),
            1e-5,
            float(rng.choice([0, 0.6, 1, 9])),
            10.0,
        ]
    if name == "crc32":
        data = rng.integers(0, 256, n * int(rng.choice([1, 200])), dtype=np.uint8)
        return [data[rng.integers(0, 70) :], int(rng.integers(0, 2**32))]
    if name == "power":
        return [10.0 ** rng.uniform(-320, 308, n), float(rng.random()), float(rng.uniform(-5, 5))]
    if name in {"gather", "scatter"}:
        sizes = rng.choice([0, 1, 2, 3, 4, 8, 16, 24, 100, 3000], int(rng.integers(0, 5))).tolist()
        table = rng.integers(0, 256, (50, sum(sizes) + int(rng.integers(0, 9))), dtype=np.uint8)
        offsets = tuple(int(end) for end in np.cumsum([0, *sizes])[:-1])
        return [table, slots, offsets, tuple(np.zeros((n, size), dtype=np.uint8) for size in sizes)]
    if name == "take_objects":
        return [[object() for _ in range(50)], slots]
    if name == "read_texts":
        return [["0123456789abcdef%x" % (number + (1 << 60)) for number in range(n)], "0123456789abcdef"]
    if name in MAKERS:
        return MAKERS[name](name, slots, rng)
    return [rng.integers(-9, 9, n)]


def spoil(arguments, chance):
    """Replaces some of the arguments, or parts of them, by something else."""
    position = chance.randrange(len(arguments))
    argument = arguments[position]
    if chance.random() < 0.15:
        arguments[position] = Evil(chance, [other for other in arguments if other is not argument])
    elif chance.random() < 0.1:
        arguments[position] = chance.choice(
            [None, -1, 2**70, float("nan"), "x", b"x", [], (), {}, object(), [None]]
        )
    elif isinstance(argument, np.ndarray):
        arguments[position] = spoilt(chance.choice(sorted(SPOILERS)), argument)
    elif isinstance(argument, (list, tuple)) and argument:
        parts = list(argument)
        spoil(parts, chance)
        arguments[position] = type(argument)(parts)
    elif isinstance(argument, dict) and argument:
        parts = list(argument.values())
        spoil(parts, chance)
        arguments[position] = dict(zip(argument, parts, strict=True))
    elif isinstance(argument, (int, float)):
        arguments[position] = chance.choice(
            [argument, -argument, argument * 2**40, float("inf"), float("nan")]
        )


def fuzz(module, seed, seconds):
    """Calls the functions until the time is over; returns how often."""
    chance, rng = random.Random(seed), np.random.default_rng(seed)
    end, calls = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for name in FUNCTIONS:
            arguments = right_arguments(name, rng)
            for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
                spoil(arguments, chance)
            if chance.random() < 0.02:
                arguments = arguments[: chance.randrange(len(arguments))]
            module.use_widest_vectors(chance.random() < 0.5)
            function = partial(OF_TYPES[name], module) if name in OF_TYPES else getattr(module, name)
            outcome(function, *arguments)
            calls += 1
        if calls % 1000 < len(FUNCTIONS):
            gc.collect()
    return calls


def change_slots_meanwhile(module, seconds):
    """Copies without the GIL while another thread writes nonsense into the slots."""
    rng = np.random.default_rng(0)
    table, out = np.zeros((64, 28_224), dtype=np.uint8), np.zeros((64, 28_224), dtype=np.uint8)
    slots, over = rng.integers(0, 64, 64), threading.Event()

    def meddle():
        while not over.is_set():
            slots[:] = rng.integers(-(2**62), 2**62, 64)
            slots[:] = rng.integers(0, 64, 64)

    thread = threading.Thread(target=meddle)
    thread.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        outcome(module.gather, table, slots, (0,), (out,))
        outcome(module.scatter, table, slots, (0,), (out,))
    over.set()
    thread.join()


def main():
    module = load(sys.argv[1])
    here = Path(__file__).parent
    quiet = ["-W", "ignore:Module already imported", "-p", "no:cacheprovider", "-q", "-x"]
    # Which kernels a fresh interpreter chooses is not known of this one.
    if code := pytest.main([*quiet, f"--ignore={here / 'test_chosen.py'}", str(here)]):
        return int(code)
    seconds = float(os.environ.get("FUZZ_SECONDS") or 20)
    seed = int(os.environ.get("FUZZ_SEED") or random.randrange(2**32))
    print(f"FUZZ_SEED={seed}", flush=True)
    change_slots_meanwhile(module, seconds / 10)
    print(f"{fuzz(module, seed, seconds * 0.9)} calls, no bad access", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
