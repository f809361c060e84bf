from __future__ import annotations

import pytest

from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.store_check import check_store
from tests.storages.stores import made


def grouped(storage=ObjectStorage):
    store = made(4, storage=storage())
    store.grouped("env")
    return store


@pytest.mark.parametrize("storage", [ObjectStorage, ColumnStorage])
def test_a_sound_store_passes(storage):
    store = grouped(storage)
    store.push(7, {})
    store.clear()
    check_store(store)
    store.push(8, {"env": 1})
    check_store(store)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda store: setattr(store.storage.item(1), "index", "x" * 32), "slot 1 is not known by its index"),
        (lambda store: store.storage.item(1).meta.update(env=5), "groups of 'env'"),
        (lambda store: store.storage.item(1).meta.clear(), "groups of 'env'"),
        (lambda store: setattr(store.ring, "count", 3), "positions"),
    ],
)
def test_what_does_not_fit_together_is_named(spoil, what):
    store = grouped()
    spoil(store)

    with pytest.raises(ValueError, match=what):
        check_store(store)
