"""What every storage must do, as a test class to inherit from."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.batch import flat
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.testing.buffer_checks import check_buffer


class _Written:
    """Writes the indices of the suite."""

    def write(self, number: int) -> str:
        return f"index {number}"


class StorageSuite:
    """The contract of ``Storage``.

    Whoever ships one inherits, says how it is made, and runs pytest::

        class TestMyStorage(StorageSuite):
            def make(self):
                return MyStorage(capacity=16)

            def payload(self, number):                 # where an int is not what it holds
                return {"obs": np.full(3, number)}

            def same(self, left, right):               # where == does not say so
                return np.array_equal(left["obs"], right["obs"])

            def refused(self):                         # where ``strict`` is true
                return [({"obs": np.zeros(4)}, {"number": 0})]

    ``make`` returns an empty storage with room for ``room`` items; ``payload(n)`` differs for each n.
    """

    room = 16

    def make(self) -> Any:
        """Returns a new, empty storage."""
        raise NotImplementedError("A storage's test class says how one is made: override make().")

    def payload(self, number: int) -> Any:
        """Returns a payload that the storage holds, another for each number."""
        return number

    def same(self, left: Any, right: Any) -> bool:
        """Tells whether two payloads are alike."""
        return bool(left == right)

    def refused(self) -> Sequence[tuple[Any, dict[str, Any]]]:
        """Returns payloads with their metas that the storage refuses once it holds others."""
        return []

    def empty(self) -> Any:
        """Returns a new storage that knows its room, as a store makes it known."""
        storage = self.make()
        self.bind(storage)
        return storage

    def bind(self, storage: Any, numbers: np.ndarray | None = None) -> None:
        """Tells a storage how many slots there are, and which number is in which: 0 in slot 0 and so on."""
        held = np.arange(self.room) if numbers is None else numbers.copy()
        self._numbers = {**getattr(self, "_numbers", {}), id(storage): held}
        storage.bind(self.room, lambda slots: IndexColumn(held[slots], _Written()))

    def put(self, storage: Any, slot: int, number: int) -> Any:
        """Puts the item of a number in a slot."""
        self._numbers[id(storage)][slot] = number
        return storage.put(slot, self.payload(number), f"index {number}", {"number": number})

    def filled(self, count: int) -> Any:
        """Returns a storage with items in the slots 0 to ``count - 1``."""
        storage = self.empty()
        for slot in range(count):
            self.put(storage, slot, slot)
        return storage

    def agrees(self, item: Any, number: int) -> bool:
        """Tells whether an item is the one that ``filled`` put in a slot."""
        return (
            self.same(self.payload(number), item.data)
            and f"index {number}" == item.index
            and {"number": number} == dict(item.meta)
        )

    def test_an_item_that_was_put_is_there_and_is_returned(self) -> None:
        storage = self.empty()
        put = self.put(storage, 0, 7)

        assert self.agrees(put, 7)
        assert self.agrees(storage.item(0), 7)

    def test_payload_index_and_meta_lie_in_the_slot_they_were_put_in(self) -> None:
        storage = self.filled(5)

        assert all(self.agrees(storage.item(slot), slot) for slot in range(5))

    def test_an_item_put_over_another_replaces_it(self) -> None:
        storage = self.filled(3)
        self.put(storage, 1, 9)

        assert self.agrees(storage.item(1), 9)
        assert self.agrees(storage.item(0), 0)
        assert self.agrees(storage.item(2), 2)

    def test_items_are_taken_in_the_order_asked(self) -> None:
        storage = self.filled(5)

        assert [4, 0, 2] == [item.meta["number"] for item in flat(storage.take([4, 0, 2]))]
        assert all(
            self.agrees(item, slot) for item, slot in zip(storage.take([3, 1], False), [3, 1], strict=True)
        )

    def test_one_item_or_none_can_be_taken(self) -> None:
        storage = self.filled(5)

        assert [3] == [item.meta["number"] for item in flat(storage.take([3]))]
        assert [] == flat(storage.take([]))

    def test_an_item_taken_twice_is_two_independent_copies(self) -> None:
        storage = self.filled(5)
        first, other, again = flat(storage.take([2, 4, 2]))

        assert self.agrees(first, 2)
        assert self.agrees(other, 4)
        assert self.agrees(again, 2)
        again.meta["number"] = "changed"
        again.data = None
        assert self.agrees(first, 2)
        assert self.agrees(storage.item(2), 2)

    def test_a_written_payload_leaves_the_meta(self) -> None:
        storage = self.filled(3)
        storage.write(1, self.payload(8), None)

        assert self.same(self.payload(8), storage.item(1).data)
        assert {"number": 1} == dict(storage.item(1).meta)
        assert "index 1" == storage.item(1).index

    def test_a_written_meta_replaces_the_old_one_and_leaves_the_payload(self) -> None:
        storage = self.filled(3)
        storage.write(1, None, {"other": 5})

        assert self.same(self.payload(1), storage.item(1).data)
        assert {"other": 5} == dict(storage.item(1).meta)

    def test_nothing_written_changes_nothing(self) -> None:
        storage = self.filled(3)
        storage.write(1, None, None)

        assert all(self.agrees(storage.item(slot), slot) for slot in range(3))

    def test_a_dropped_slot_takes_a_new_item_and_leaves_the_others(self) -> None:
        storage = self.filled(4)
        storage.drop([1, 3])
        self.put(storage, 3, 9)

        assert self.agrees(storage.item(3), 9)
        assert self.agrees(storage.item(0), 0)
        assert self.agrees(storage.item(2), 2)

    def test_a_cleared_storage_is_like_a_new_one(self) -> None:
        storage = self.filled(4)
        storage.clear()
        self.put(storage, 0, 6)

        assert self.agrees(storage.item(0), 6)

    def test_the_state_of_some_slots_fills_another_storage(self) -> None:
        state = self.filled(5).state_dict(np.array([4, 1]))
        other = self.empty()
        content = other.content(state, 2, 0)
        assert [4, 1] == content.values("number")
        assert [None, None] == content.values("nothing")

        self.bind(other, np.array([4, 1, *range(2, self.room)]))
        other.fill(np.array([0, 1]), content, ["index 4", "index 1"])
        assert self.agrees(other.item(0), 4)
        assert self.agrees(other.item(1), 1)

    def test_a_state_can_be_read_less_its_oldest_items(self) -> None:
        state = self.filled(5).state_dict(np.arange(5))
        other = self.empty()
        content = other.content(state, 5, 3)
        other.fill(np.array([3, 4]), content, ["index 3", "index 4"])

        assert all(self.agrees(other.item(slot), slot) for slot in (3, 4))

    def test_a_state_of_another_length_is_refused_and_changes_nothing(self) -> None:
        storage = self.filled(3)
        with pytest.raises((KeyError, TypeError, ValueError)):
            storage.content(storage.state_dict(np.arange(3)), 4, 0)

        assert all(self.agrees(storage.item(slot), slot) for slot in range(3))

    def test_one_meta_key_of_many_slots_is_read(self) -> None:
        storage = self.filled(4)
        storage.write(2, None, {"other": "x"})

        values, there = storage.metas(np.array([3, 2, 0]), "number")
        assert [True, False, True] == list(there)
        assert [3, 0] == [values[0], values[2]]
        values, there = storage.metas([1, 0], "number")
        assert [1, 0] == list(values)
        assert there is None or all(there)
        assert not any(storage.metas(np.array([0, 1]), "nothing")[1])
        assert {"number": 3} == dict(storage.meta(3))
        assert 3 == storage.meta_of(3, "number")
        assert None is storage.meta_of(3, "nothing")

    def test_one_meta_key_of_many_slots_is_written(self) -> None:
        storage = self.filled(4)
        storage.set_metas(np.array([1, 3, 1]), "use", np.array([5.0, 6.0, 7.0]))
        storage.set_metas([0], "use", ["text"])

        assert {"number": 1, "use": 7.0} == dict(storage.item(1).meta)
        assert {"number": 3, "use": 6.0} == dict(storage.item(3).meta)
        assert {"number": 0, "use": "text"} == dict(storage.item(0).meta)
        assert {"number": 2} == dict(storage.item(2).meta)

    def test_what_it_counts_is_a_dict(self) -> None:
        assert isinstance(dict(self.filled(2).stats()), dict)

    def test_it_is_strict_where_there_is_what_it_refuses(self) -> None:
        strict = self.make().strict

        assert isinstance(strict, bool)
        assert bool(self.refused()) == strict, "refused() names what a strict storage does not take"

    def test_what_it_holds_passes_the_check_which_changes_nothing(self) -> None:
        storage = self.filled(3)
        for number in range(self.room):
            storage.check(self.payload(number), {"number": number})

        assert all(self.agrees(storage.item(slot), slot) for slot in range(3))
        self.empty().check(self.payload(0), {"number": 0})

    def test_what_it_refuses_fails_the_check_which_changes_nothing(self) -> None:
        storage = self.filled(3)
        for data, meta in self.refused():
            with pytest.raises((TypeError, ValueError)):
                storage.check(data, meta)

        assert all(self.agrees(storage.item(slot), slot) for slot in range(3))

    def test_a_full_buffer_on_it_loses_nothing_to_what_it_refuses(self) -> None:
        buffer = DequeBuffer(4, storage=self.make(), seed=0)
        for number in range(6):
            buffer.push(self.payload(number), {"number": number})
        last = buffer[-1].index
        for data, meta in self.refused():
            with pytest.raises((TypeError, ValueError)):
                buffer.push(data, dict(meta))
            with pytest.raises((TypeError, ValueError)):
                buffer.extend([self.payload(7), data], [{"number": 7}, dict(meta)])
            with pytest.raises((TypeError, ValueError)):
                buffer.update(last, data=data, meta=dict(meta))

        assert [2, 3, 4, 5] == [item.meta["number"] for item in buffer]
        assert all(self.same(self.payload(item.meta["number"]), item.data) for item in buffer)
        buffer.store.check()

    def test_many_stored_at_once_are_there_and_are_returned(self) -> None:
        buffer = DequeBuffer(4, storage=self.make(), seed=0)
        returned = buffer.extend(
            [self.payload(number) for number in range(6)], meta={"number": list(range(6))}
        )

        assert [0, 1, 2, 3, 4, 5] == [item.meta["number"] for item in returned]
        assert [2, 3, 4, 5] == [item.meta["number"] for item in buffer]
        for item in [*returned, *buffer]:
            assert self.same(self.payload(item.meta["number"]), item.data)
        assert [item.index for item in buffer] == [item.index for item in returned][2:]

    def test_a_deep_copy_shares_nothing(self) -> None:
        storage = self.filled(3)
        twin = copy.deepcopy(storage)
        self.bind(twin)
        self.put(twin, 1, 9)
        twin.item(0).meta["number"] = "changed"

        assert all(self.agrees(storage.item(slot), slot) for slot in range(3))
        assert self.agrees(twin.item(2), 2)

    def test_it_survives_pickling(self) -> None:
        twin = pickle.loads(pickle.dumps(self.filled(3)))
        self.bind(twin)

        assert all(self.agrees(twin.item(slot), slot) for slot in range(3))

    def test_a_buffer_on_it_agrees_with_a_plain_list(self) -> None:
        for seed, size in enumerate([1, 4, self.room]):
            buffer = DequeBuffer(size, storage=self.make(), seed=seed)
            check_buffer(buffer, seed=seed, payload=self.payload, same=self.same)
