from __future__ import annotations

import inspect

import pytest

from ding_buffer.core.errors import BadArgument
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


class Strict(ObjectStorage):
    """Takes no texts."""

    strict = True

    def check(self, data, meta):
        if isinstance(data, str):
            raise BadArgument("no texts")


class RefusesTooLate(Strict):
    def check(self, data, meta):
        """Leaves it to put."""

    def put(self, slot, data, index, meta):
        super().check(data, meta)
        return super().put(slot, data, index, meta)


class IsNotAsked(Strict):
    strict = False


class RefusesAll(Strict):
    def check(self, data, meta):
        raise BadArgument("nothing")


class ChecksByStoring(Strict):
    def check(self, data, meta):
        super().check(data, meta)
        self.put(0, data, "x", dict(meta))


def failures(storage, wrong=()):
    """The names of the tests that a storage fails."""

    class Suite(StorageSuite):
        def make(self):
            return storage()

        def refused(self):
            return wrong

    suite, failed = Suite(), []
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if name.startswith("test_"):
            try:
                test()
            except (Exception, pytest.fail.Exception):  # noqa: BLE001  whatever a broken storage does is a failure
                failed.append(name)
    return failed


def test_a_right_storage_passes():
    assert [] == failures(ObjectStorage)
    assert [] == failures(Strict, [("text", {})])


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


@pytest.mark.parametrize(
    ("storage", "name"),
    [
        (RefusesTooLate, "test_what_it_refuses_fails_the_check_which_changes_nothing"),
        (RefusesTooLate, "test_a_full_buffer_on_it_loses_nothing_to_what_it_refuses"),
        (IsNotAsked, "test_it_is_strict_where_there_is_what_it_refuses"),
        (IsNotAsked, "test_a_full_buffer_on_it_loses_nothing_to_what_it_refuses"),
        (RefusesAll, "test_what_it_holds_passes_the_check_which_changes_nothing"),
        (ChecksByStoring, "test_what_it_holds_passes_the_check_which_changes_nothing"),
    ],
)
def test_a_strict_storage_with_a_fault_is_found(storage, name):
    assert name in failures(storage, [("text", {})])


def test_a_strict_storage_that_says_nothing_of_what_it_refuses_is_found():
    assert ["test_it_is_strict_where_there_is_what_it_refuses"] == failures(Strict)


def test_whoever_does_not_say_how_one_is_made_is_told():
    with pytest.raises(NotImplementedError, match="override make"):
        StorageSuite().make()
