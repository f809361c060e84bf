"""The C kernels give back what they take: memory and references, on the good way and on the bad ones."""

from __future__ import annotations

import gc
import sys
import tracemalloc

import numpy as np
import pytest

from tests.kernels.both import outcome
from tests.kernels.test_numpy_tree import new_tree

PREFIX = "0123456789abcdef"
N = 2000  # more than fits on the stack


def calls(compiled):
    """Good and bad calls of every function, by name."""
    rng = np.random.default_rng(0)
    levels, lows, starts = new_tree(5000, 16, rng.random(5000))
    slots, numbers = rng.integers(0, 300, N), rng.random(N)
    leaves, live = np.zeros(300), np.zeros(300, dtype=np.bool_)
    table, out = np.zeros((300, 64), dtype=np.uint8), np.zeros((N, 8))
    items, texts = [object() for _ in range(300)], [f"{PREFIX}{number + (1 << 60):x}" for number in range(N)]
    following, wrong = np.arange(-1, 299), np.full(N, 300)
    bools, powers = np.ones((N, 3), dtype=np.bool_), 0.9 ** np.arange(6)
    return {
        "tree_sum": (compiled.tree_sum, levels, lows, starts, slots),
        "tree_sum of nodes out of range": (compiled.tree_sum, levels, lows, starts, wrong + 5000),
        "tree_sum of levels that do not fit": (compiled.tree_sum, levels[::-1], lows, starts, slots),
        "tree_draw": (compiled.tree_draw, levels, starts, numbers),
        "tree_draw of NaN": (compiled.tree_draw, levels, starts, numbers * np.nan),
        "tree_draw of bad levels": (compiled.tree_draw, [*levels[:-1], None], starts, numbers),
        "set_priorities": (
            compiled.set_priorities,
            *(leaves, leaves.copy(), live, slots, numbers, 1e-5, 0.6, 9.0),
        ),
        "set_priorities of NaN": (
            compiled.set_priorities,
            *(leaves, leaves.copy(), live, slots, numbers * np.nan, 1e-5, 0.6, 9.0),
        ),
        "set_priorities of lists": (
            compiled.set_priorities,
            *(leaves, leaves.copy(), live, slots.tolist(), numbers.tolist(), 1e-5, 0.6, 9.0),
        ),
        "power": (compiled.power, numbers, 1e-5, 0.6),
        "power of float32": (compiled.power, numbers.astype(np.float32), 1e-5, 0.6),
        "power of texts": (compiled.power, ["1"], 1e-5, 0.6),
        "first_distinct": (compiled.first_distinct, slots),
        "first_distinct of int32": (compiled.first_distinct, slots.astype(np.int32)),
        "first_distinct of floats": (compiled.first_distinct, numbers),
        "gather": (compiled.gather, table, slots, (0,), (out,)),
        "gather beyond the row": (compiled.gather, table, slots, (60,), (out,)),
        "gather many": (compiled.gather, table, slots[:1], tuple(range(40)), tuple(np.zeros((40, 1, 1)))),
        "scatter": (compiled.scatter, table, slots, (0,), (out,)),
        "scatter out of range": (compiled.scatter, table, wrong, (0,), (out,)),
        "take_objects": (compiled.take_objects, items, slots),
        "take_objects out of range": (compiled.take_objects, items, wrong),
        "read_texts": (compiled.read_texts, texts, PREFIX),
        "read_texts of another": (compiled.read_texts, [*texts, "\ud800"], PREFIX),
        "walk": (compiled.walk, following, slots, 5),
        "walk out of range": (compiled.walk, following + 2, slots, 5),
        "walk too far": (compiled.walk, following, slots, 2**61),
        "n_step": (compiled.n_step, following, slots, powers, np.ones(300), live, None, bools[:300, 0]),
        "n_step of lists": (
            compiled.n_step,
            *(following, slots.tolist(), powers, np.ones(300), live, None, None),
        ),
        "n_step out of range": (
            compiled.n_step,
            *(following + 2, slots, powers, np.ones(300), None, None, None),
        ),
        "n_step of texts": (
            compiled.n_step,
            *(following, slots, powers, np.ones(300), None, np.array("1"), None),
        ),
        "relink": (compiled.relink, following.copy(), following.copy(), live, 7, 3, True),
        "relink out of range": (compiled.relink, following.copy(), following.copy(), live, 7, 300, True),
        "fold_rewards": (compiled.fold_rewards, np.ones((N, 3)), bools, 0.9),
        "fold_rewards of lists": (compiled.fold_rewards, [[1.0]], bools, 0.9),
    }


NAMES = list(calls(type("Any", (), {"__getattr__": lambda self, name: name})()))


def references(arguments):
    """Counts who holds the arguments and what is in them; not numbers, which others hold as well."""
    parts = [part for argument in arguments if isinstance(argument, (list, tuple)) for part in argument]
    held = [part for part in (*arguments, *parts) if not isinstance(part, (int, float, type(None)))]
    return [sys.getrefcount(part) for part in held]


@pytest.mark.parametrize("name", NAMES)
def test_no_call_keeps_a_reference(compiled, name):
    function, *arguments = calls(compiled)[name]
    before = references(arguments)
    for _ in range(50):
        outcome(function, *arguments)
    assert before == references(arguments)


def growth(function, arguments, times):
    """By how many bytes what is allocated grows with that many calls."""
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(times):
        outcome(function, *arguments)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


@pytest.mark.parametrize("name", NAMES)
def test_no_call_keeps_memory(compiled, name):
    function, *arguments = calls(compiled)[name]
    gc.freeze()  # what is there already, of a whole run of tests, takes long to look through
    tracemalloc.start()
    try:
        # What is lost is lost each time; what others remember, once.
        least = min(growth(function, arguments, 50) for _ in range(4))
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    # No object is as small as that.
    assert least < 50 * 16
