"""Who is asked before many items are stored in one call, and who makes the call anew."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import NotEnoughItems, SchemaError
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.storages.column_storage import ColumnStorage
from tests.storages.many_items import (
    FORMS,
    columns,
    extend,
    filled,
    group,
    held,
    only_in_c,
)


class ByName(Middleware):
    """Names what is pushed, and says so."""

    def push(self, chain, data, meta=None):
        return chain(data, meta={"priority": 2.0, **(meta or {})})

    def quick_push(self, parts):
        parts.key, parts.intake = "priority", self
        return True

    max_priority = 2.0


class ByNameMany(ByName):
    """Names many too, and says nothing of it."""

    def extend(self, chain, batch, meta=None):
        return chain(batch, meta={"priority": 2.0, "many": 1, **(meta or {})})


class ByNameSaid(ByNameMany):
    """Says it of all."""

    def push(self, chain, data, meta=None):
        return super().push(chain, data, meta)

    def extend(self, chain, batch, meta=None):
        return chain(batch, meta={"priority": 2.0, **(meta or {})})

    def quick_push(self, parts):
        return super().quick_push(parts)


class OtherPriorities(PriorityExperienceReplay):
    def extend(self, chain, batch, meta=None):
        return super().extend(chain, batch, {"twice": 2.0})


class OtherWords(PriorityExperienceReplay):
    def push(self, chain, data, meta=None):
        return super().push(chain, data, {"priority": 9.0})

    def quick_push(self, parts):
        parts.key, parts.intake = "priority", self
        return True

    max_priority: Any = 9.0


def function(action, chain, *args, **kwargs):
    return chain(*args, **kwargs)


@only_in_c
@pytest.mark.parametrize(
    ("layer", "quick"),
    [
        (ByName, False),
        (ByNameMany, False),
        (ByNameSaid, True),
        (OtherPriorities, False),
        (OtherWords, False),
        (lambda: function, False),
    ],
)
def test_one_class_must_speak_for_one_and_for_many(layer, quick):
    buffers = [DequeBuffer(50, storage=ColumnStorage()).use(layer()) for _ in range(2)]
    for short, buffer in zip((True, False), buffers, strict=True):
        for first in range(3):
            extend(buffer, short, columns(first, 3))
    assert quick == ("extend" in vars(buffers[0]))
    assert held(buffers[1]) == held(buffers[0])


def test_columns_that_hold_a_priority_of_their_own_are_left_to_the_layer():
    buffer = DequeBuffer(9, storage=ColumnStorage()).use(PriorityExperienceReplay())
    batch = {"n": np.arange(3), "priority": np.ones(3)}
    buffer.extend(batch, {"priority": np.full(3, 2.0)})  # here it is a field as any other

    with pytest.raises(SchemaError, match="priority"):
        buffer.extend(batch)  # and here what the meta lacks, which is taken out
    assert 3 == len(buffer)


def test_a_subclass_with_an_extend_of_its_own_is_asked():
    class Loud(DequeBuffer):
        heard = 0

        def extend(self, batch, meta=None):
            self.heard += 1
            return super().extend(batch, meta=meta)

    buffer = filled(kind=Loud)
    buffer.extend(columns(3, 3))

    assert "extend" not in vars(buffer)
    assert 2 == buffer.heard


@pytest.mark.parametrize("name", ["stacked", "put_many", "returned"])
def test_a_storage_with_methods_of_its_own_is_asked(name):
    class Loud(ColumnStorage):
        heard = 0

    def method(self, *arguments):
        self.heard += 1
        return getattr(ColumnStorage, name)(self, *arguments)

    setattr(Loud, name, method)
    buffer = filled(storage=Loud)
    buffer.extend(columns(3, 3))

    assert "extend" not in vars(buffer)
    assert 2 == buffer.store.storage.heard


def test_a_copy_extends_into_its_own_memory():
    buffer = filled()
    for twin in (copy.deepcopy(buffer), pickle.loads(pickle.dumps(buffer)), buffer.view()):
        twin.extend(columns(3, 2))
        assert [0, 1, 2, 3, 4] == [int(item.data["n"]) for item in twin]
    assert 5 == len(buffer)  # by its view alone


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda buffer: pickle.loads(pickle.dumps(buffer))])
def test_the_layers_of_a_copy_have_heard_of_all_that_was_pushed(copied):
    buffer = filled("steps")
    buffer.push({key: column[0] for key, column in columns(3, 1).items()})
    buffer.extend(columns(4, 2))
    twin = copied(buffer)

    assert [held(buffer)[2]] == [held(twin)[2]]


def test_the_extend_of_a_view_that_is_gone_still_arrives():
    buffer = filled()
    kept = buffer.view().extend
    gc.collect()
    kept(columns(3, 2))
    kept([{key: column[0] for key, column in columns(5, 1).items()}])
    assert 6 == len(buffer)


def test_a_buffer_that_was_extended_is_freed_at_once():
    buffer = filled()
    buffer.extend(columns(3, 2))
    gone = weakref.ref(buffer.store)
    gc.disable()
    try:
        del buffer
        assert None is gone()
    finally:
        gc.enable()


def test_a_layer_that_comes_later_is_asked_by_whoever_kept_the_method():
    buffer = filled()
    kept = buffer.extend
    buffer.use(function)
    kept(columns(3, 1))
    assert "extend" not in vars(buffer)
    assert 4 == len(buffer)


def test_new_memory_is_written_to_after_a_load_and_a_clear():
    buffer = filled(meta={"env": np.arange(3)})
    state = buffer.state_dict()
    buffer.clear()
    assert 2 == len(buffer.extend({"x": np.zeros(2)}))
    buffer.load_state_dict(state)
    batch = buffer.extend(columns(3, 2), {"env": np.arange(2)})
    assert [0, 1, 2, 3, 4] == [int(item.data["n"]) for item in buffer]
    assert list(batch.index) == [item.index for item in buffer[-2:]]


def meddlers(buffer, given):
    """What a finalizer might do while the batch is made."""

    def shrink():
        given["n"] = given["n"][:1]

    def grow():
        given["more"] = given["n"]

    return {
        "pushes": lambda: buffer.push({key: column[0] for key, column in given.items()}),
        "clears": buffer.clear,
        "uses a layer": lambda: buffer.use(function),
        "shrinks a column": shrink,
        "adds a column": grow,
        "empties the batch": given.clear,
        "groups": lambda: group(buffer),
        "breaks the order": lambda: buffer.delete(buffer[1].index),
    }


@only_in_c
@pytest.mark.parametrize("when", range(9))
@pytest.mark.parametrize("meddler", sorted(meddlers(filled(), {})))
def test_what_the_collector_runs_meanwhile_is_looked_at_again(meddler, when):
    buffer, given = filled(meta={"env": np.arange(3)}), columns(3, 4)
    meddle, starts = meddlers(buffer, given)[meddler], iter(range(when + 1))

    def once(phase, _):
        if phase == "start" and next(starts, None) == when:
            meddle()

    call, meta, made, before = buffer.extend, {"env": np.arange(4)}, None, gc.get_threshold()
    gc.callbacks.append(once)
    try:
        gc.set_threshold(1)
        made = call(given, meta)
    except (SchemaError, ValueError):
        assert len(given) != 7 or len(given["n"]) == 1
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(once)

    buffer.store.check()
    numbers = [int(item.data["n"]) for item in buffer]
    assert set(numbers) <= {*range(7)}
    if isinstance(made, BufferedBatch):  # not where a layer came in between
        there = buffer.store.slots_of(list(made.index)).tolist()
        assert there in ([-1] * 4, made.slots.tolist())


def test_threads_lose_nothing_and_store_nothing_twice():
    buffer = DequeBuffer(40_000, storage=ColumnStorage(), seed=0).use(PriorityExperienceReplay())
    buffer.extend(columns(0, 50))
    turns, errors = 300, []
    stop = threading.Event()

    def guarded(work):
        def run():
            try:
                work()
            except BaseException as error:  # noqa: BLE001  for the main thread
                errors.append(error)

        return threading.Thread(target=run)

    def add(first):
        def work():
            for turn in range(turns):
                buffer.extend(columns(first + 50 * turn, 50))

        return work

    def draw():
        while not stop.is_set():
            batch = buffer.sample(20)
            buffer.update(batch.index, meta={"priority": np.ones(20)})
            assert (batch.data["obs"][:, 0] == batch.data["n"]).all()

    adders, drawer = [guarded(add(1000)), guarded(add(1000 + 50 * turns))], guarded(draw)
    for thread in (drawer, *adders):
        thread.start()
    for thread in adders:
        thread.join(120)
    stop.set()
    drawer.join(120)

    assert [] == errors
    added = {*range(50), *range(1000, 1000 + 100 * turns)}
    assert (len(added), len(added)) == (len(buffer), buffer.stats()["pushed"])
    assert added == {int(item.data["n"]) for item in buffer}
    buffer.store.check()


def test_a_refusal_changes_nothing():
    buffer = filled("all", meta={"env": np.arange(3)})
    before = held(buffer)
    with pytest.raises(SchemaError):
        buffer.extend(FORMS["another shape"](columns(3, 2)))
    with pytest.raises(TypeError):
        buffer.extend(columns(3, 2), None, None)
    with pytest.raises(TypeError):
        buffer.extend(columns(3, 2), metas=None)
    assert before == held(buffer)
    with pytest.raises(NotEnoughItems):
        filled().sample(4)
