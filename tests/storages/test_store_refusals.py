"""What a strict storage does not take: the store asks before anything changes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ding_buffer.core.chain import Middleware
from ding_buffer.core.errors import BadArgument
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from tests.storages.stores import made, payloads

WRONG: list[tuple[Any, dict[str, Any]]] = [("text", {"env": 0}), (5, {"bad": True})]


class Picky(ObjectStorage):
    """Takes no strings, and no meta that says so."""

    strict = True

    def check(self, data, meta):
        if isinstance(data, str) or meta.get("bad"):
            raise BadArgument("no strings")


class Notes(Middleware):
    """Writes down every event."""

    def __init__(self):
        self.heard = []

    def on_filled(self, slots):
        self.heard.append("filled")

    def on_evicted(self, slots):
        self.heard.append("evicted")

    def on_deleted(self, slots):
        self.heard.append("deleted")

    def on_updated(self, slots):
        self.heard.append("updated")

    def on_cleared(self):
        self.heard.append("cleared")

    def on_loaded(self):
        self.heard.append("loaded")


def picture(store):
    """All that a refusal must leave alone."""
    return copy.deepcopy(
        (
            [(item.index, item.data, item.meta) for item in store.items(store.live())],
            store.ring.live().tolist(),
            store.ring.next,
            store.text.state_dict(),
            {key: index.order() for key, index in store.groups.items()},
            store.rng.bit_generator.state,
            store.stats(),
        )
    )


def refusing(count, followed):
    """A store of a strict storage, what a layer hears of it, and how it looks."""
    store, notes = made(count, storage=Picky()), Notes()
    if followed:
        store.grouped("env")
        store.attach(notes)
    return store, notes.heard, picture(store)


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_refused_push_changes_nothing_even_where_the_oldest_would_give_way(count, followed, wrong):
    store, heard, before = refusing(count, followed)
    for _ in range(3):
        with pytest.raises(BadArgument, match="no strings"):
            store.push(*wrong)
    assert before == picture(store)
    assert [] == heard
    assert "refused" not in store.stats()
    store.check()
    store.push(99, {"env": 1})

    assert [*range(count), 99][-4:] == payloads(store)
    store.check()


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize(
    ("data", "metas"),
    [
        ([7, "text"], None),
        ([None, "text"], [{"env": 5}, {"env": 5}]),
        (None, [{"env": 5}, {"bad": True}]),
        ([7, 8], [{"env": 5}, {"bad": True}]),
    ],
)
def test_a_refused_update_changes_nothing_of_the_many(followed, data, metas):
    store, heard, before = refusing(6, followed)
    with pytest.raises(BadArgument, match="no strings"):
        store.update([0, 1], data, metas)
    assert before == picture(store)
    assert [] == heard
    store.update([0, 1], [7, None], [{"env": 5}, {}])

    assert [2, 3, 7, 5] == payloads(store)
    store.check()


@pytest.mark.parametrize("followed", [False, True])
def test_a_refused_load_changes_nothing(followed):
    store, heard, before = refusing(6, followed)
    other = made(2, storage=ObjectStorage())
    other.push("text", {"env": 0})
    with pytest.raises(BadArgument, match="no strings"):
        store.load_state_dict(other.state_dict())

    assert before == picture(store)
    assert [] == heard
    store.check()


def test_a_load_is_not_asked_about_items_there_is_no_room_for():
    store, other = made(1, capacity=2, storage=Picky()), made(0)
    for data in ("text", 1, 2):
        other.push(data, {})
    store.load_state_dict(other.state_dict())

    assert [1, 2] == payloads(store)


def test_a_storage_that_takes_anything_is_not_asked():
    class Asked(ObjectStorage):
        def check(self, data, meta):
            raise AssertionError("asked")

    store = made(6, storage=Asked())
    store.grouped("env")
    store.push(1, {"env": 1})
    store.update([0], [5], None)
    store.check_item(5, {"env": 1})
    store.load_state_dict(store.state_dict())


def test_a_strict_storage_is_asked_once_about_what_will_lie_there():
    class Asked(ObjectStorage):
        strict = True

        def __init__(self):
            super().__init__()
            self.asked = []

        def check(self, data, meta):
            self.asked.append((data, dict(meta)))

    storage = Asked()
    store = made(1, storage=storage)
    store.push(1, None)
    store.update([0, 1], [None, 7], None)
    store.update([1], None, [{"a": 1}])

    assert [(0, {"env": 0}), (1, {}), (0, {"env": 0}), (7, {}), (7, {"a": 1})] == storage.asked


def test_an_item_can_be_checked_without_storing_it():
    store = made(4, storage=Picky())
    store.grouped("env")
    before = picture(store)
    for wrong in [*WRONG, (5, {"env": []})]:
        with pytest.raises(BadArgument):
            store.check_item(*wrong)
    store.check_item(5, {"env": 2})

    assert before == picture(store)


@pytest.mark.parametrize("kind", [ObjectStorage, ColumnStorage])
def test_a_storage_belongs_to_one_store_as_long_as_that_lives(kind):
    storage = kind()
    first = made(2, 4, storage)

    with pytest.raises(BadArgument, match="is another buffer's: give each buffer a storage of its own"):
        made(1, 4, storage)
    assert [0, 1] == payloads(first)
    assert [5] == payloads(pushed(copy.deepcopy(first)))
    del first
    made(1, 4, storage)


def pushed(store):
    store.clear()
    store.push(5, {"env": 0})
    return store
