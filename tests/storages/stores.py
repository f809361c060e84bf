"""Stores to test with."""

from __future__ import annotations

from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.store import Store


def made(count=0, capacity=4, storage=None):
    store = Store(capacity, storage or ObjectStorage(), seed=0)
    for number in range(count):
        store.push(number, {"env": number % 2})
    return store


def payloads(store):
    return [item.data for item in store.items(store.live())]
