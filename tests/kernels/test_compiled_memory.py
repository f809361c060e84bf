"""The C kernels give back what they take: memory and references, on the good way and on the bad ones."""

from __future__ import annotations

import gc
import math
import tracemalloc
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.kernels import numpy_crc
from ding_buffer.kernels.chosen import NAME
from ding_buffer.middleware.n_steps import n_step
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.structures.later_serials import LaterSerials
from tests.kernels.both import outcome
from tests.kernels.kept_references import keeps_references
from tests.kernels.push_bench import TRANSITION, Records, transition
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
    metas = {"n": np.arange(300), "any": np.array([object() for _ in range(300)])}
    sums = compiled.TreeSums(tuple(levels), tuple(lows), starts)
    sums.draw(rng, 1, True, 0.0)  # it keeps the generator from the first draw on
    taker = compiled.RowTaker(((0, 8, np.dtype("f4"), (3,)), (0, 0, np.dtype("d"), ())), (table,), ("a", "b"))
    fields = tuple(
        (key, char, np.dtype(char).itemsize, math.prod(shape), shape) for key, char, shape in TRANSITION
    )
    stack = compiled.Stacker(fields).columns
    crc32 = getattr(compiled, "crc32", numpy_crc.crc32)  # not every processor can do it
    push: tuple[Any, ...] = compiled.RingCounter(3), compiled.Mutex(), BufferedData, len, []
    return {
        "Stacker": (compiled.Stacker, fields),
        "Stacker of bad fields": (compiled.Stacker, (*fields, ("more", "F", 8, 1, ()))),
        "FastPush": (compiled.FastPush, *push, None, (metas, {}), "n", SimpleNamespace(max_priority=1.0)),
        "FastPush of bad metas": (compiled.FastPush, *push, None, (metas, 7)),
        "FastExtend of a push into a list": (
            compiled.FastExtend,
            *(compiled.FastPush(*push), len, None, (BufferedBatch, IndexColumn, LaterSerials)),
        ),
        "stacking": (stack, [transition(number) for number in numbers[:99].tolist()]),
        "stacking what does not fit": (stack, [*[transition()] * 99, {}]),
        "taking columns": (
            stack,
            {key: np.zeros((9, *shape), char) for key, char, shape in TRANSITION},
        ),
        "taking columns of other lengths": (
            stack,
            {key: np.zeros((number, *shape), char) for number, (key, char, shape) in enumerate(TRANSITION)},
        ),
        "RowTaker.take": (taker.take, slots),
        "RowTaker.take out of range": (taker.take, wrong),
        "RowTaker of fields that do not fit": (compiled.RowTaker, ((0, 60, np.dtype("d"), ()),), (table,)),
        "TreeSums": (compiled.TreeSums, tuple(levels), tuple(lows), starts),
        "TreeSums of levels that do not fit": (compiled.TreeSums, tuple(levels[::-1]), tuple(lows), starts),
        "TreeSums.draw": (sums.draw, rng, N, True, -0.4),
        "TreeSums.draw of less than nothing": (sums.draw, rng, -1, True, -0.4),
        "TreeSums.weigh": (sums.weigh, leaves.copy(), live, slots, numbers, 1e-5, 0.6, 9.0),
        "TreeSums.weigh of NaN": (sums.weigh, leaves.copy(), live, slots, numbers * np.nan, 1e-5, 0.6, 9.0),
        "TreeSums.mark": (sums.mark, slots),
        "TreeSums.find": (sums.find, numbers),
        "take_metas": (compiled.take_metas, metas, {"n": live}, slots),
        "take_metas out of range": (compiled.take_metas, metas, {}, wrong),
        "take_metas of another kind": (compiled.take_metas, {"n": [1, 2]}, {}, slots),
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
        "crc32": (crc32, numbers.view(np.uint8), 3),
        "crc32 of long data": (crc32, np.zeros(1 << 20, np.uint8)),
        "crc32 of texts": (crc32, "1"),
        "crc32 from no number on": (crc32, numbers.view(np.uint8), "3"),
        "power": (compiled.power, numbers, 1e-5, 0.6),
        "power of float32": (compiled.power, numbers.astype(np.float32), 1e-5, 0.6),
        "power of texts": (compiled.power, ["1"], 1e-5, 0.6),
        "first_distinct": (compiled.first_distinct, slots),
        "first_distinct of int32": (compiled.first_distinct, slots.astype(np.int32)),
        "first_distinct of floats": (compiled.first_distinct, numbers),
        "draw_distinct": (compiled.draw_distinct, rng, 3 * N, N),
        "draw_distinct of more than there are": (compiled.draw_distinct, rng, 5, 6),
        "draw_distinct of no generator": (compiled.draw_distinct, np.zeros(1), 9, "6"),
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


class Anything:
    """Stands for the extension where only names are wanted."""

    def __getattr__(self, name):
        return self

    def __call__(self, *_):
        return self


NAMES = list(calls(Anything()))


@pytest.mark.parametrize("name", NAMES)
def test_no_call_keeps_a_reference(compiled, name):
    function, *arguments = calls(compiled)[name]
    assert not keeps_references(function, arguments)


def test_a_call_that_kept_a_reference_would_be_found():
    kept: list[object] = []
    assert keeps_references(kept.append, [object()])
    assert keeps_references(lambda _: kept.pop(), [kept[0]])
    assert not keeps_references(id, [object()])
    assert keeps_references(lambda metas: kept.append(metas["a"][0]), [{"a": np.array([object()])}])


def growth(function, arguments, times):
    """By how many bytes what is allocated grows with that many calls."""
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(times):
        outcome(function, *arguments)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


def keeps_memory(function, arguments, calls=200):
    """Whether every round of calls leaves something behind.

    What is lost is lost each time, 16 bytes or more. What the interpreter keeps for later comes and goes, a
    kilobyte or two either way.
    """
    gc.freeze()  # what is there already, of a whole run of tests, takes long to look through
    tracemalloc.start()
    try:
        return all(growth(function, arguments, calls) >= calls * 8 for _ in range(10))
    finally:
        tracemalloc.stop()
        gc.unfreeze()


@pytest.mark.parametrize("name", NAMES)
def test_no_call_keeps_memory(compiled, name):
    function, *arguments = calls(compiled)[name]
    assert not keeps_memory(function, arguments)


def test_a_call_that_kept_memory_would_be_found():
    kept = []
    assert keeps_memory(lambda: kept.append(object()), [])
    assert not keeps_memory(object, [])


@pytest.mark.skipif(NAME != "c", reason="the short way is one of the C kernels")
def test_a_batch_and_its_update_keep_nothing(compiled):
    """The short way through a chain, with what it makes and what it is refused."""
    buffer = DequeBuffer(300, storage=ColumnStorage(), seed=0)
    buffer.use(use_time_check(), PriorityExperienceReplay(), n_step(3, 0.9, reward="b", next_obs="a"))
    buffer.extend({"a": np.ones((300, 3), np.float32), "b": np.arange(300), "done": np.arange(300) % 7 == 5})

    def turn():
        alike.sample(30)
        batch = buffer.sample(N)
        buffer.update(batch.index, meta={"priority": np.ones(N)})
        outcome(partial(buffer.update, meta={"priority": np.full(N, np.nan)}), batch.index)

    alike = buffer.view()
    turn()  # makes the column of the use counts, the second one goes the short way
    turn()
    store: Any = buffer.store
    held = [store, store.ring, store.text, store.storage.taker, store.counts, *store.storage.quick_metas]
    assert not keeps_memory(turn, (), 50)
    assert not keeps_references(turn, (), held)


@pytest.mark.skipif(NAME != "c", reason="the short way is one of the C kernels")
def test_columns_that_are_stored_keep_nothing(compiled):
    """The short way to extend, with what it makes, what it leaves to others and what it is refused."""
    buffer = DequeBuffer(300, storage=ColumnStorage(), seed=0).use(PriorityExperienceReplay())
    batch = {key: np.zeros((40, *shape), char) for key, char, shape in TRANSITION}
    metas: list[Any] = [{"env": np.arange(40)}, None, {"env": 3}, {"priority": np.ones(40)}]
    buffer.extend(batch, metas[0])
    store: Any = buffer.store

    def turn():
        for meta in metas:
            buffer.extend(batch, meta)
        outcome(buffer.extend, {**batch, "done": batch["done"][1:]})
        outcome(partial(buffer.extend, meta={"env": np.arange(39)}), batch)

    turn()  # notes who has which key
    held = [*batch.values(), metas[0]["env"], store, store.text, store.ring, *store.storage.quick_metas]
    assert not keeps_memory(turn, (), 50)
    assert not keeps_references(turn, (), held)


def test_a_push_with_its_meta_keeps_nothing(compiled):
    intake, metas = SimpleNamespace(max_priority=2.5), {key: np.zeros(3) for key in ("priority", "other")}
    noted = {"other": np.ones(3, dtype=bool)}
    bench = Records(compiled, metas=(metas, noted), key="priority", intake=intake)
    pushes: list[Any] = [{"other": 0.5}, None, {}, {"other": 3}, {"priority": 1.0}, {"else": 1}]
    payload = transition()

    def turn():
        for meta in pushes:
            bench.push(payload, meta)
        bench.calls.clear()

    turn()
    held = [*payload.values(), *metas.values(), *noted.values(), intake, "other", "priority"]
    assert not keeps_memory(turn, ())
    assert not keeps_references(turn, (), held)
