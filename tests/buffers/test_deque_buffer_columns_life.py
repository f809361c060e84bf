from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import SchemaError
from ding_buffer.storages.column_storage import ColumnStorage
from tests.buffers.column_buffers import empty, everything, filled, numbers, payload, same, stacked

# Whose memory it is.


def test_a_batch_is_the_callers():
    buffer = filled(8)
    batch = buffer.sample(8)
    for leaf in (batch.data["obs"], batch.data["image"], batch.data["n"], batch.data["inner"][0]):
        leaf[:] = 99
    for column in (batch.meta["env"], batch.slots):
        column[:] = 0
    batch.data["name"][:] = None
    batch.meta.clear()

    assert all(same(payload(number), item.data) for number, item in enumerate(buffer))
    assert [number % 3 for number in range(8)] == [item.meta["env"] for item in buffer]


def test_nothing_that_is_stored_later_changes_a_batch():
    buffer = filled(8)
    batch = buffer.sample(8)
    drawn = [(item.index, item.data["n"], item.meta) for item in batch]
    buffer.update(batch.index, data=[payload(90)] * 8, meta={"env": np.full(8, 9)})
    buffer.extend([payload(number) for number in range(50, 61)])
    buffer.clear()

    assert drawn == [(item.index, item.data["n"], item.meta) for item in batch]


def test_changed_slots_do_not_change_whom_a_batch_names():
    buffer = filled(8)
    batch = buffer.sample(3)
    wanted = numbers(batch)
    batch.slots[:] = 0

    assert wanted == numbers(buffer.get_by_index(batch.index))
    buffer.update(batch.index, meta={"k": 1})
    assert sorted(wanted) == [item.data["n"] for item in buffer if "k" in item.meta]


@pytest.mark.parametrize("many", [True, False])
def test_what_was_pushed_may_be_used_again(many):
    buffer, data, meta = empty(), payload(1), {"env": 1}
    columns, metas = stacked([1, 2]), {"env": np.array([1, 2])}
    if many:
        batch = buffer.extend(columns, metas)
        columns["obs"][:] = metas["env"][:] = batch.data["n"][:] = 9
    else:
        buffer.push(data, meta)
        data["obs"][:] = 9
        data["n"] = meta["env"] = 9

    assert same(payload(1), buffer[0].data)
    assert {"env": 1} == buffer[0].meta


def test_an_item_is_a_copy():
    buffer = filled(3)
    buffer[1].data["obs"][:] = 9
    buffer[1].meta["env"] = 9
    next(iter(buffer)).data["image"][:] = 9

    assert all(same(payload(number), item.data) for number, item in enumerate(buffer))
    assert [0, 1, 2] == [item.meta["env"] for item in buffer]


# Copies, views, snapshots.


def test_views_share_columns():
    buffer = filled(4)
    view = buffer.view()
    view.push(payload(9), {"env": 5})

    assert [0, 1, 2, 3, 9] == numbers(buffer)
    assert 1 == buffer.delete(view.sample(1).index)


def test_a_deep_copy_goes_its_own_way():
    buffer = filled(11)
    buffer.delete(buffer[3].index)
    twin = copy.deepcopy(buffer)
    assert numbers(buffer.sample(5)) == numbers(twin.sample(5))

    before = everything(buffer)
    twin.extend([payload(70), payload(71)])
    twin.update([twin[0].index], data=[payload(72)], meta={"env": [9]})
    twin.clear()
    assert before == everything(buffer)


STORAGES: dict[str, Any] = {
    "objects": lambda: None,
    "columns": ColumnStorage,
    "compact": lambda: ColumnStorage(layout="compact"),
    "spec": lambda: ColumnStorage(
        {
            "obs": (np.float32, (2, 3)),
            "image": (np.uint8, (20, 20)),
            "n": np.int64,
            "inner": (np.float64, [np.bool_]),
            "name": "object",
        }
    ),
}


@pytest.mark.parametrize("source", STORAGES)
@pytest.mark.parametrize("target", STORAGES)
@pytest.mark.parametrize("size", [3, 8, 20])
@pytest.mark.parametrize("by_file", [True, False])
def test_a_buffer_is_saved_and_loaded_from_any_storage_into_any(source, target, size, by_file, tmp_path):
    saved = DequeBuffer(8, storage=STORAGES[source](), seed=3)
    for number in range(11):
        saved.push(payload(number), {"env": number % 3} if number % 4 else {"note": "x"})
    saved.sample(1, groupby="env")
    saved.delete([saved[2].index])
    loaded = DequeBuffer(size, storage=STORAGES[target](), seed=5)
    loaded.extend([payload(90), payload(91)])
    if by_file:
        saved.save_data(tmp_path / "saved")
        loaded.load_data(tmp_path / "saved")
    else:
        loaded.load_state_dict(copy.deepcopy(saved.state_dict()))

    expected = list(saved)[-size:]
    assert [(item.index, item.meta) for item in expected] == [(item.index, item.meta) for item in loaded]
    assert all(same(one.data, other.data) for one, other in zip(expected, loaded, strict=True))
    loaded.store.check()
    if size == 8:
        assert numbers(saved.sample(4)) == numbers(loaded.sample(4))
        first, second = saved.sample(2, groupby="env"), loaded.sample(2, groupby="env")
        assert [numbers(group) for group in first] == [numbers(group) for group in second]
    loaded.extend([payload(number) for number in range(40, 45)])
    assert [*numbers(expected), *range(40, 45)][-size:] == numbers(loaded)


def test_what_columns_cannot_hold_is_not_loaded():
    objects, columns = DequeBuffer(4), filled(3)
    objects.extend([payload(1), {"n": "text"}])
    before = everything(columns)

    with pytest.raises(SchemaError):
        columns.load_state_dict(objects.state_dict())

    assert before == everything(columns)


def test_it_says_how_many_bytes_it_holds():
    buffer = empty(1000)
    assert 0 == buffer.stats()["bytes"]
    buffer.push({"obs": np.zeros((4, 4), np.float32)}, {"env": 1})

    assert 1000 * (64 + 8) == buffer.stats()["bytes"]
