from __future__ import annotations

import inspect

import pytest

from ding_buffer.core.item import BufferedData
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.testing.storage_suite import StorageSuite


class SharesRepeats(ObjectStorage):
    def take(self, slots, repeats=True):
        return [self._items[slot] for slot in slots]


class MergesMeta(ObjectStorage):
    def write(self, slot, data, meta):
        super().write(slot, data, None if meta is None else {**self._items[slot].meta, **meta})


class KeepsTheFirst(ObjectStorage):
    def put(self, slot, data, index, meta):
        if slot < len(self._items) and self._items[slot] is not None:
            return self._items[slot]
        return super().put(slot, data, index, meta)


class Sorts(ObjectStorage):
    def take(self, slots, repeats=True):
        return super().take(sorted(slots), repeats)


class ForgetsIndices(ObjectStorage):
    def put(self, slot, data, index, meta):
        return super().put(slot, data, str(slot), meta)


class SharesCopies(ObjectStorage):
    def __deepcopy__(self, memo):
        twin = type(self)()
        twin._items = [BufferedData(item.data, item.index, item.meta) for item in self._items]
        return twin


def failures(storage):
    """The names of the tests that a storage fails."""

    class Suite(StorageSuite):
        def make(self):
            return storage()

    suite, failed = Suite(), []
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if name.startswith("test_"):
            try:
                test()
            except Exception:  # noqa: BLE001  whatever a broken storage does is a failure
                failed.append(name)
    return failed


def test_a_right_storage_passes():
    assert [] == failures(ObjectStorage)


@pytest.mark.parametrize(
    ("storage", "name"),
    [
        (SharesRepeats, "test_an_item_taken_twice_is_two_independent_copies"),
        (MergesMeta, "test_a_written_meta_replaces_the_old_one_and_leaves_the_payload"),
        (KeepsTheFirst, "test_an_item_put_over_another_replaces_it"),
        (Sorts, "test_items_are_taken_in_the_order_asked"),
        (ForgetsIndices, "test_an_item_that_was_put_is_there_and_is_returned"),
        (SharesCopies, "test_a_deep_copy_shares_nothing"),
    ],
)
def test_a_fault_is_found(storage, name):
    assert name in failures(storage)


def test_whoever_does_not_say_how_one_is_made_is_told():
    with pytest.raises(NotImplementedError, match="override make"):
        StorageSuite().make()
