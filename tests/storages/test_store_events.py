"""What a store tells its layers, and whom it wakes."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.store import Store
from tests.storages.event_notes import Notes
from tests.storages.stores import made, payloads


class Announced(Notes):
    """Writes down as well who is about to go, and as what they are known then."""

    def __init__(self, store):
        super().__init__()
        self.store = store

    def on_removing(self, slots):
        where = np.asarray(slots)
        assert (self.store.ring.serials_of(where) >= 0).all()
        assert len(where) <= len(self.store)
        self.heard.append(("removing", [(item.index, item.data) for item in self.store.storage.take(where)]))

    def on_filled(self, slots):
        return None


def test_every_event_is_told_with_its_slots():
    store, notes = made(3), Notes()
    store.attach(notes)
    store.push(3, None)
    store.push(4, {})
    store.update([2], ["new"], None)
    store.delete(np.array([1, 3, 1]))
    store.delete(np.array([], dtype=int))
    store.load_state_dict(store.state_dict())
    store.clear()

    assert [
        ("filled", [3]),
        ("evicted", [0]),
        ("filled", [0]),
        ("updated", [2]),
        ("deleted", [1, 3]),
        "loaded",
        "cleared",
    ] == notes.heard


@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_whatever_goes_is_announced_while_it_is_whole(storage):
    store = made(0, storage=storage())
    names = [store.push(number, {"env": number}).index for number in range(4)]
    notes = Announced(store)
    store.attach(notes)
    names += [store.push(4, {}).index, *(item.index for item in store.extend([5, 6], None))]
    store.delete(np.array([store.slot_of(names[4])]))
    names.append(store.push(7, {}).index)
    store.delete(np.array([], dtype=int))
    store.load_state_dict(store.state_dict())
    store.clear()
    store.clear()

    told = [what for what in notes.heard if what[0] != "removing"]
    announced = [[number for _, number in what[1]] for what in notes.heard if what[0] == "removing"]
    evicted = [0], *([[1], [2]] if storage is ObjectStorage else [[1, 2]])
    assert [*evicted, [4], [3, 5, 6, 7], [3, 5, 6, 7], []] == announced
    assert ["evicted"] * len(evicted) + ["deleted", "loaded", "cleared", "cleared"] == [
        what if isinstance(what, str) else what[0] for what in told
    ]
    known = [pair for what in notes.heard if what[0] == "removing" for pair in what[1]]
    assert [(names[number], number) for _, number in known] == known


def test_who_is_about_to_go_is_told_only_while_somebody_wants_to_know():
    store, tell = made(4), Store.tell
    told: list[str] = []
    store.attach(Notes())

    def listen(event, *what):
        told.append(event)
        tell(store, event, *what)

    store.tell = listen
    notes = Announced(store)

    def remove_some():
        told.clear()
        store.push(4, None)
        store.delete(np.array([store.live()[0]]))
        store.clear()
        made(0).load_state_dict(store.state_dict())
        return told.count("on_removing")

    assert 0 == remove_some()
    for _ in range(3):
        store.push(0, None)
    store.attach(notes)
    assert 2 == remove_some()
    store.dismiss(notes)
    store.push(0, None)
    assert 0 == remove_some()


def test_what_is_announced_and_then_kept_is_followed_by_no_event():
    store = made(4)
    notes = Announced(store)
    store.attach(notes)
    state = store.state_dict()

    def fill(*_):
        raise CorruptSnapshot("damaged")

    store.storage.fill = fill
    with pytest.raises(CorruptSnapshot):
        store.load_state_dict(state)
    assert ["removing"] == [what[0] for what in notes.heard]
    assert [0, 1, 2, 3] == payloads(store)
    store.check()


def test_a_dismissed_layer_hears_no_more_and_can_come_back():
    store, notes = made(), Notes()
    store.attach(notes)
    store.dismiss(notes)
    store.push(0, None)
    assert [] == notes.heard
    store.attach(notes)
    store.push(1, None)
    assert [("filled", [1])] == notes.heard
    store.dismiss(notes)
    store.attach(notes)
    store.push(2, None)
    assert [("filled", [1]), ("filled", [2])] == notes.heard


def test_whoever_waits_is_woken_by_an_event():
    store, woken = made(), threading.Event()

    def wait():
        with store.lock:
            if store.wait_for(lambda: len(store) == 3, timeout=60):
                woken.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    for number in range(3):
        with store.lock:
            store.push(number, None)
    waiting.join(60)

    assert woken.is_set()


def test_whoever_waits_in_vain_is_told_so():
    store = made()
    with store.lock:
        assert not store.wait_for(lambda: False, timeout=0.01)
        store.push(0, None)
    store.check()
