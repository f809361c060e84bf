from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.schema_spec import Ragged
from ding_buffer.storages.shared_storage import SharedStorage
from ding_buffer.testing.storage_suite import StorageSuite
from tests.storages.shared_processes import META, files, numbers, pair, reader_of, row, shared, storage_of


class TestSharedStorage(StorageSuite):
    def make(self):
        return shared()

    def payload(self, number):
        return row(number)

    def same(self, left, right):
        return np.array_equal(left["obs"], right["obs"]) and left["n"] == right["n"]

    def refused(self):
        return [({"obs": np.zeros(4), "n": 1}, {"number": 0}), ({"obs": np.zeros(3)}, {})]

    def test_it_survives_pickling(self):
        storage = self.filled(3)
        twin = pickle.loads(pickle.dumps(storage))
        buffer = DequeBuffer(self.room, storage=twin)

        assert storage.name == twin.name
        assert [0, 1, 2] == numbers(buffer)
        assert [{"number": 0}, {"number": 1}, {"number": 2}] == [item.meta for item in buffer]


class TestSharedStorageOfLargeFields(TestSharedStorage):
    def make(self):
        return SharedStorage({"obs": (np.uint8, (30, 20)), "n": int}, meta=META, layout="aligned")

    def payload(self, number):
        return {"obs": np.full((30, 20), number % 256, np.uint8), "n": number}


def test_what_one_pushes_arrives_at_the_other_with_its_meta_and_an_index_of_its_own():
    one, other = pair()
    pushed = one.push(row(5), {"env": 3})
    one.extend({"obs": np.zeros((2, 3), np.float32), "n": np.array([6, 7])}, {"priority": [0.5, 0.25]})

    assert 3 == len(other)
    assert [5, 6, 7] == numbers(other)
    assert [{"env": 3}, {"priority": 0.5}, {"priority": 0.25}] == [item.meta for item in other]
    assert pushed.index not in [item.index for item in other]
    other.store.check()


@pytest.mark.parametrize("writers", [1, 2, 3])
def test_each_writer_has_a_part_and_its_newest_rows_count(writers):
    one, reader = pair(12, writers=writers)
    others = [reader_of(one, writer=writer) for writer in range(1, writers)]
    for number in range(100):
        one.push(row(number), {"env": 0})
        for place, other in enumerate(others, start=1):
            other.push(row(number), {"env": place})

    for buffer in (one, reader, *others):
        buffer.store.check()
        held: dict[int, list[int]] = {place: [] for place in range(writers)}
        for item in buffer:
            held[item.meta["env"]].append(item.data["n"])
        assert {place: list(range(100 - 12 // writers, 100)) for place in range(writers)} == held


def test_of_a_writer_that_pushes_more_only_its_share_counts():
    one, reader = pair(8, writers=2)
    other = reader_of(one, writer=1)
    other.push(row(1000))
    for number in range(20):
        one.push(row(number))

    for buffer in (one, other, reader):
        assert [16, 17, 18, 19, 1000] == sorted(numbers(buffer))
        buffer.store.check()


def test_a_batch_larger_than_the_share_leaves_its_newest():
    one, reader = pair(8, writers=2)
    stored = one.extend([row(number) for number in range(30)], {"env": np.arange(30)})

    assert 30 == len(stored)
    assert [26, 27, 28, 29] == numbers(one) == numbers(reader)
    one.store.check()


def test_an_attached_storage_knows_everything_of_the_memory():
    one, other = pair(8, writers=3, layout="aligned")
    storage = storage_of(other)

    assert (8, 3, None) == (storage.capacity, storage.writers, storage.writer)
    assert storage_of(one).schema == storage.schema
    assert storage_of(one)._declared.kinds == storage._declared.kinds
    assert other.stats()["shared_bytes"] == one.stats()["shared_bytes"]


def test_what_was_pushed_before_somebody_attached_is_there_for_him():
    one, _ = pair(8)
    one.extend([row(number) for number in range(20)])
    other = reader_of(one)

    assert list(range(12, 20)) == numbers(other)
    assert 0 == other.stats()["missed"]


def test_deleting_clearing_and_changing_metas_concerns_one_process():
    one, other = pair(8)
    one.extend([row(number) for number in range(6)], {"env": np.arange(6)})
    other.delete([other[1].index, other[2].index])
    other.update([other[0].index], meta={"env": [77], "text": ["any"]})
    assert [0, 3, 4, 5] == numbers(other)
    assert {"env": 77, "text": "any"} == other[0].meta
    assert [0, 1, 2, 3, 4, 5] == numbers(one)
    assert {"env": 0} == one[0].meta

    one.clear()
    one.push(row(9))
    assert [9] == numbers(one)
    assert [0, 3, 4, 5, 9] == numbers(other)
    one.store.check()
    other.store.check()


def test_a_payload_is_changed_for_all_by_the_one_who_pushed_it():
    one, other = pair(8, writers=2)
    second = reader_of(one, writer=1)
    first = one.push(row(1))
    second.push(row(2))
    len(other)
    assert one.update(first.index, data=row(50)) is True

    assert [50, 2] == numbers(other) == numbers(second)
    message = "The item was pushed by writer 0, who alone can change its payload; this process is writer 1"
    with pytest.raises(BadArgument, match=message):
        second.update(second[0].index, data=row(3), meta={"env": 1})
    assert {} == second[0].meta
    with pytest.raises(BadArgument, match="this process only reads"):
        other.update([other[1].index], data=[row(3)])
    for number in range(40_000):  # so often that the versions come round
        storage_of(one).write(0, row(number), None)
    assert 39_999 == other[0].data["n"]


def test_one_who_only_reads_cannot_push():
    one, other = pair(8)
    with pytest.raises(BadArgument, match=r"This process only reads 'ding_buffer-.*storage\.claim\(\)"):
        other.push(row(1))
    storage_of(other).claim(0)
    other.push(row(1))
    assert [1] == numbers(one)


def test_a_number_belongs_to_one_at_a_time():
    one, other = pair(8, writers=2)
    one.push(row(1))
    name = storage_of(one).name

    assert 0 == storage_of(one).writer
    with pytest.raises(BadArgument, match=f"Writer 0 of {name!r} is taken, by a process that is alive"):
        SharedStorage.attach(name, writer=0)
    with pytest.raises(BadArgument, match="This process is writer 0 already, and cannot be writer 1"):
        storage_of(one).claim(1)
    with pytest.raises(BadArgument, match="writer must be a number from 0 to 1, got 2"):
        SharedStorage.attach(name, writer=2)
    assert 1 == storage_of(other).claim()
    with pytest.raises(BadArgument, match=r"All 2 writers of .* are taken\. Make it with more: writers=3"):
        reader_of(one).store.storage.claim()
    storage_of(other).close()
    assert 1 == reader_of(one, writer=1).store.storage.writer


def test_a_writer_that_comes_after_another_goes_on_with_its_rows():
    one, reader = pair(8, writers=2)
    second = reader_of(one, writer=1)
    second.extend([row(number) for number in range(10)])
    storage_of(second).close()
    third = reader_of(one, writer=1)

    assert [6, 7, 8, 9] == numbers(third)
    third.extend([row(number) for number in range(10, 13)])
    assert [9, 10, 11, 12] == numbers(third) == numbers(reader) == numbers(one)
    third.store.check()


def test_one_who_does_not_follow_sees_its_own_rows_only():
    one, _ = pair(8, writers=2)
    actor = reader_of(one, writer=1, follow=False)
    one.push(row(1))
    actor.push(row(2))

    assert [2] == numbers(actor)
    assert [1, 2] == numbers(one)


def test_metas_that_were_not_declared_are_refused_before_anything_changes():
    buffer = DequeBuffer(2, storage=shared())
    buffer.extend([row(0), row(1)])
    message = (
        r"meta\['text'\]: expected one of the keys that processes share \(declared: number, env, .*Declare"
    )
    with pytest.raises(SchemaError, match=message):
        buffer.push(row(2), {"text": "x"})
    with pytest.raises(SchemaError, match=message):
        buffer.extend([row(2)], {"text": ["x"]})
    with pytest.raises(SchemaError, match=r"meta\['env'\]: expected int, as it was declared, got "):
        buffer.push(row(2), {"env": 0.5})
    with pytest.raises(SchemaError, match=r"meta\['env'\]: expected int, as it was declared, got "):
        buffer.extend([row(2)], {"env": np.array([0.5])})

    assert [0, 1] == numbers(buffer)


def test_objects_and_ragged_fields_cannot_be_shared():
    spec = {"obs": np.float32, "name": str, "inner": {"tokens": Ragged(np.int64)}}
    with pytest.raises(SchemaError, match=r"name, .*tokens.*: expected fields of a fixed size"):
        SharedStorage(spec)
    with pytest.raises(BadArgument, match="SharedStorage needs a spec"):
        SharedStorage(None)


def test_impossible_numbers_of_writers_and_names_are_refused():
    with pytest.raises(BadArgument, match="writers must be an int of at least 1, got 0"):
        shared(writers=0)
    with pytest.raises(BadArgument, match="A name of shared memory is made of letters"):
        shared(name="a/b")
    with pytest.raises(BadArgument, match="3 writers need a buffer of at least as many items"):
        DequeBuffer(2, storage=shared(writers=3))
    with pytest.raises(BadArgument, match="put the storage into a buffer"):
        _ = shared().name
    with pytest.raises(BadArgument, match="put the storage into a buffer first"):
        shared().claim()


def test_a_buffer_of_another_size_is_refused():
    one, _ = pair(8)
    storage = SharedStorage.attach(storage_of(one).name)
    with pytest.raises(BadArgument, match=r"has room for 8 items, and the buffer is to have 9"):
        DequeBuffer(9, storage=storage)


def test_a_closed_storage_says_so():
    one, other = pair(8)
    storage_of(other).close()
    with pytest.raises(BadArgument, match="was closed in this process"):
        storage_of(other).claim(0)
    with storage_of(one):
        one.push(row(1))
    with pytest.raises(BadArgument, match="was closed in this process"):
        one.push(row(2))


def test_memory_goes_with_the_last_storage_that_is_collected():
    one, other = pair(8)
    name = storage_of(one).name
    one.push(row(1))
    assert [name, f"{name}.writer0"] == files(name)
    del one
    gc.collect()
    assert [1] == numbers(other)
    del other
    gc.collect()
    assert [] == files(name)


def test_a_copy_of_a_buffer_has_memory_of_its_own():
    one, other = pair(8)
    one.extend([row(number) for number in range(10)], {"env": np.arange(10)})
    other.update([other[0].index], meta={"use": [1]})
    for twin in (copy.deepcopy(other), pickle.loads(pickle.dumps(other))):
        assert ColumnStorage is type(storage_of(twin))
        assert [item.index for item in other] == [item.index for item in twin]
        assert [item.meta for item in other] == [item.meta for item in twin]
        twin.push(row(99), {"text": "anything"})
        assert [*range(3, 10), 99] == numbers(twin)
        twin.store.check()
    assert [*range(2, 10)] == numbers(other) == numbers(one)


def test_a_saved_buffer_loads_into_columns_and_back(tmp_path):
    one, other = pair(8)
    one.extend([row(number) for number in range(10)], {"env": np.arange(10)})
    other.save_data(tmp_path / "saved")
    plain = DequeBuffer(8, storage=ColumnStorage())
    plain.load_data(tmp_path / "saved")
    assert [*range(2, 10)] == numbers(plain)
    assert [item.index for item in other] == [item.index for item in plain]

    plain.update([plain[0].index], meta={"use": [3]})
    one.load_state_dict(plain.state_dict())
    assert [item.index for item in plain] == [item.index for item in one]
    assert [item.meta for item in plain] == [item.meta for item in one]
    assert [*range(2, 10)] == numbers(other)
    one.store.check()
    other.store.check()


def test_of_a_state_larger_than_the_share_the_newest_are_loaded():
    plain = DequeBuffer(8, storage=ColumnStorage())
    plain.extend([row(number) for number in range(8)], {"env": np.arange(8)})
    one, reader = pair(8, writers=2)
    one.load_state_dict(plain.state_dict())

    assert [4, 5, 6, 7] == numbers(one) == numbers(reader)
    assert [4, 5, 6, 7] == [item.meta["env"] for item in reader]
    one.push(row(9))
    assert [5, 6, 7, 9] == numbers(one) == numbers(reader)
