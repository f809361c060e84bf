"""Many items in one call of C: the same as the way through the layers, or that way itself."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Middleware
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.core.item import BufferedData
from ding_buffer.kernels.chosen import FastExtend, FastPush
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.memmap_storage import MemmapStorage
from ding_buffer.structures.later_serials import LaterSerials
from tests.storages.many_items import (
    CHAINS,
    FORMS,
    METAS,
    QUICK,
    SIZE,
    USUAL_METAS,
    columns,
    extend,
    filled,
    group,
    held,
    only_in_c,
    outcome,
)

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("extend"),
            st.integers(0, SIZE + 3),
            st.one_of(st.just("plain"), st.sampled_from(sorted(FORMS))),
            st.one_of(st.sampled_from(USUAL_METAS), st.sampled_from(sorted(METAS))),
        ),
        st.tuples(st.just("push")),
        st.tuples(st.just("sample"), st.integers(1, 4)),
        st.tuples(st.just("delete"), st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=3)),
        st.tuples(st.just("delete the oldest"), st.integers(1, 4)),
        st.tuples(st.just("update"), st.floats(0, 5)),
        st.tuples(st.just("group")),
        st.tuples(st.just("copy")),
        st.tuples(st.just("reload")),
        st.tuples(st.just("clear")),
    ),
    min_size=4,
    max_size=25,
)


def carry_out(buffer, short, pushed, name, *what):
    """Does one thing to a buffer; returns what is to be compared."""
    if name == "extend":
        count, form, meta = what
        batch, given = FORMS[form](columns(pushed, count)), METAS[meta](count)
        return outcome(lambda: extend(buffer, short, batch, given))
    if name == "push":
        row = {key: column[0] for key, column in columns(pushed, 1).items()}
        return outcome(lambda: [buffer.push(row, {"env": 1, "train_iter_data_collected": 3})])
    if name == "sample":
        query = {"train_iter_sample_data": 9} if buffer.takes & {"train_iter_sample_data"} else {}
        return outcome(lambda: buffer.sample(what[0], **query))
    if name == "delete":
        return buffer.delete([buffer[place].index for place in what[0] if place < len(buffer)])
    if name == "delete the oldest":
        return buffer.delete([item.index for item in buffer[: what[0]]])
    if name == "update" and len(buffer):
        return buffer.update([buffer[-1].index], meta={"priority": np.array(what)}).tolist()
    if name == "group":
        return group(buffer)
    if name == "reload":
        buffer.load_state_dict(buffer.state_dict())
    if name == "clear":
        buffer.clear()
    return None


@only_in_c
@pytest.mark.parametrize("chain", sorted(CHAINS))
@given(operations=OPERATIONS)
@example(operations=[("extend", count, "plain", "none") for count in (3, 4, 2, 5, 9, 9, 10, 1)])
@example(operations=[("extend", count, "plain", "env and when") for count in (4, 3, 9, 1, 8, 8)])
@example(
    operations=[
        *[("extend", 4, "plain", meta) for meta in ("bools", "env", "bools", "env and when", "none", "env")],
        ("extend", 4, "plain", "the kind of another"),
        ("extend", 4, "plain", "env"),
    ]
)
@example(operations=[("extend", 6, "plain", "none"), ("delete the oldest", 3)] * 3 + [("sample", 2)])
@example(operations=[("extend", count, "plain", "none") for count in (3, 13, 10, 11, 12, 20)])
@example(operations=[("extend", 1, "plain", meta) for meta in ("a key that is no text", "none")])
@example(operations=[("push",), ("push",), ("copy",), ("extend", 2, "plain", "none")])
def test_both_ways_do_the_same(chain, operations):
    buffers = [DequeBuffer(SIZE, storage=ColumnStorage(), seed=1).use(*CHAINS[chain]()) for _ in range(2)]
    for pushed, operation in enumerate(operations):
        if operation[0] == "copy":
            buffers = [pickle.loads(pickle.dumps(buffers[0])), buffers[1]]
        seen = [
            carry_out(buffer, short, 20 * pushed, *operation)
            for buffer, short in zip(buffers, (True, False), strict=True)
        ]
        assert seen[1] == seen[0]
    assert held(buffers[1]) == held(buffers[0])
    assert buffers[1].store.rng.bit_generator.state == buffers[0].store.rng.bit_generator.state


@pytest.fixture
def slow(monkeypatch):
    """The calls that went the way through the layers, all after it was asked for."""
    calls: list[Any] = []
    method = DequeBuffer.extend

    def extend(self, batch, meta=None):
        calls.append(len(calls))
        return method(self, batch, meta)

    extend.__dict__["_base"] = method.__dict__["_base"]
    monkeypatch.setattr(DequeBuffer, "extend", extend)
    return calls


@only_in_c
@pytest.mark.parametrize("chain", QUICK)
def test_plain_columns_go_the_short_way_round_layers_that_say_what_they_do(slow, chain):
    buffer = filled(chain, 1000, meta={"env": np.arange(3)})
    slow.clear()
    for first in range(5):
        buffer.extend(columns(first, 50), {"env": np.arange(50)})
        buffer.extend(batch=columns(first, 50), meta={"env": np.arange(50)})

    assert [] == slow
    assert 503 == len(buffer)
    assert buffer.stats()["pushed"] == 503


@only_in_c
def test_what_explain_says_is_done_in_one_call_names_it():
    assert "extend (the last 1)" in filled("per").explain()
    assert "(the last" not in filled("staleness", meta=METAS["when"](3)).explain()


@only_in_c
def test_priorities_that_are_given_are_for_the_layer(slow):
    buffer = filled("per")
    slow.clear()
    buffer.extend(columns(0, 2), {"priority": np.array([3.0, 2.0])})
    assert 1 == len(slow)
    assert [3.0] == buffer.extend(columns(0, 1)).meta["priority"].tolist()
    assert 1 == len(slow)


@only_in_c
@pytest.mark.parametrize(
    "form", [form for form in FORMS if form not in ("plain", "another order", "read only")]
)
def test_what_is_not_as_it_is_stored_goes_the_long_way(slow, form):
    buffer = filled()
    slow.clear()
    before = held(buffer)
    seen = outcome(buffer.extend, FORMS[form](columns(3, 2)))

    assert 1 == len(slow)
    assert len(buffer) == 5 or (before == held(buffer) and issubclass(seen[0], Exception))


def test_the_batch_shares_memory_with_the_columns_and_nothing_else_with_anybody():
    buffer, given, env = filled(meta={"env": np.arange(3)}), columns(7, 4), np.arange(4)
    batch = buffer.extend(given, {"env": env})

    assert [*given] == [*batch.data]
    assert all(batch.data[key] is given[key] for key in given)
    assert batch.data is not given
    for array in (batch.meta["env"], batch.slots, given["n"]):
        array[:] = 99
    env[:] = 98
    assert [7, 8, 9, 10] == [int(item.data["n"]) for item in buffer[-4:]]
    assert [0, 1, 2, 3] == [item.meta["env"] for item in buffer[-4:]]
    assert [item.index for item in buffer[-4:]] == list(batch.index)


@only_in_c
def test_columns_that_are_the_memory_of_the_buffer_go_the_long_way():
    for short in (True, False):
        buffer = DequeBuffer(4, storage=ColumnStorage())
        buffer.extend({"image": np.repeat(np.arange(4, dtype=np.uint8), 200).reshape(4, 200)})
        storage: Any = buffer.store.storage
        extend(buffer, short, {"image": storage.table.column(("image",))[1:]})

        assert [3, 1, 2, 3] == [item.data["image"][0] for item in buffer]


@only_in_c
def test_long_copies_let_others_run(slow):
    buffer = DequeBuffer(9000, storage=ColumnStorage())
    buffer.extend({"n": np.arange(3)})
    slow.clear()
    buffer.extend({"n": np.arange(4096)})
    assert [] == slow
    buffer.extend({"n": np.arange(4097)})
    assert 1 == len(slow)


class Watch(Middleware):
    """Hears late, and keeps what it heard."""

    hears_late = True

    def __init__(self):
        self.heard = []

    def on_filled(self, slots):
        self.heard.append(("filled", list(map(int, slots))))

    def on_evicted(self, slots):
        self.heard.append(("evicted", list(map(int, slots))))


@only_in_c
def test_layers_hear_of_it_late_and_of_fewer_than_there_are_slots(slow):
    watch = Watch()
    buffer = DequeBuffer(6, storage=ColumnStorage()).use(watch)
    buffer.extend(columns(0, 4))
    watch.heard.clear()
    slow.clear()
    buffer.extend(columns(4, 3))
    buffer.extend(columns(7, 2))
    assert ([], [], 5, 3) == (watch.heard, slow, buffer.store.ring.unheard, buffer.store.ring.displaced)

    buffer.extend(columns(9, 1))
    late = [("filled", [4, 5]), ("evicted", [0, 1, 2]), ("filled", [0, 1, 2])]
    assert 1 == len(slow)
    assert [*late, ("evicted", [3]), ("filled", [3])] == watch.heard


@only_in_c
def test_nobody_waits_long_for_what_others_must_hear(slow):
    watch = Watch()
    buffer = DequeBuffer(9000, storage=ColumnStorage()).use(watch)
    buffer.extend({"n": np.arange(3)})
    watch.heard.clear()
    slow.clear()
    buffer.extend({"n": np.arange(1025)})
    assert (1, [1025]) == (len(slow), [len(slots) for _, slots in watch.heard])
    buffer.extend({"n": np.arange(1000)})
    buffer.extend({"n": np.arange(24)})
    assert (1, 1024) == (len(slow), buffer.store.ring.unheard)
    buffer.push({"n": 5})
    assert [1025, 1024, 1] == [len(slots) for _, slots in watch.heard]


def test_it_waits_for_whoever_holds_the_lock(monkeypatch):
    buffer, waits = filled(size=50), threading.Event()
    enter = type(buffer.store.lock).__enter__

    def entered(self):
        waits.set()
        return enter(self)

    thread = threading.Thread(target=lambda: buffer.extend(columns(3, 3)))
    with buffer.store.lock:
        monkeypatch.setattr(type(buffer.store.lock), "__enter__", entered)
        thread.start()
        assert waits.wait(60)
        assert 3 == buffer.store.ring.count
        buffer.extend(columns(6, 2))  # the owner goes on
        assert 5 == buffer.store.ring.count
    thread.join(60)
    assert [0, 1, 2, 6, 7, 3, 4, 5] == [int(item.data["n"]) for item in buffer]


@only_in_c
def test_a_memmap_is_written_to_the_same_way(tmp_path, slow):
    buffer = filled(storage=lambda: MemmapStorage(tmp_path / "rows"))
    slow.clear()
    buffer.extend(columns(3, 5))
    assert [] == slow
    assert [*range(8)] == [int(item.data["n"]) for item in buffer]


@only_in_c
def test_it_stands_beside_a_push_into_records():
    buffer = filled()
    types: Any = (BufferedBatch, IndexColumn, LaterSerials)
    into_list = FastPush(buffer.store.ring, buffer.store.lock, BufferedData, print, [])
    with pytest.raises(TypeError, match="needs a FastPush into records"):
        FastExtend(into_list, print, buffer.store.text, types)
    into_rows = FastPush(
        buffer.store.ring, buffer.store.lock, BufferedData, print, buffer.store.storage.target()
    )
    with pytest.raises(TypeError, match="needs a callable as slow"):
        FastExtend(into_rows, None, buffer.store.text, types)
    for wrong in (types[::-1], types[:2], (7, *types[1:])):
        with pytest.raises(TypeError):
            FastExtend(into_rows, print, buffer.store.text, wrong)
    made = FastExtend(into_rows, print, buffer.store.text, types)
    with pytest.raises(TypeError, match="cannot pickle 'FastExtend'"):
        pickle.dumps(made)
    calls = []
    FastExtend(into_rows, lambda *args, **named: calls.append((args, named)), None, types).extend(1, meta=2)
    assert [((1,), {"meta": 2})] == calls  # closed: it is for the other
