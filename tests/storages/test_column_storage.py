from __future__ import annotations

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, SchemaError
from ding_buffer.core.index_column import IndexColumn
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.testing.storage_suite import StorageSuite


class TestColumnsOfNumbers(StorageSuite):
    def make(self):
        return ColumnStorage()

    def refused(self):
        return [("text", {"number": 0}), (1.5, {"number": 0}), (np.zeros(2), {"number": 0})]


class TestColumnsOfTransitions(StorageSuite):
    layout = "aligned"

    def make(self):
        return ColumnStorage(layout=self.layout)

    def payload(self, number):
        return {
            "obs": np.full((2, 3), number, dtype=np.float32),
            "image": np.full((20, 20), number % 200, dtype=np.uint8),
            "action": number,
            "inner": (float(number), [number % 2 == 0, f"text {number}"]),
        }

    def same(self, left, right):
        return (
            left.keys() == right.keys()
            and np.array_equal(left["obs"], right["obs"])
            and np.array_equal(left["image"], right["image"])
            and left["obs"].dtype == right["obs"].dtype
            and left["action"] == right["action"]
            and left["inner"] == right["inner"]
        )

    def refused(self):
        good = self.payload(0)
        return [
            (wrong, {"number": 0})
            for wrong in (
                {**good, "more": 1},
                {"obs": good["obs"]},
                {**good, "image": 300.7},
                {**good, "image": np.full((20, 20), 300.7)},
                {**good, "obs": np.zeros((3, 2), dtype=np.float32)},
                {**good, "inner": (1.0, [True])},
            )
        ]


class TestCompactColumns(TestColumnsOfTransitions):
    layout = "compact"


class TestColumnsOfASpec(TestColumnsOfTransitions):
    def make(self):
        return ColumnStorage(
            {
                "obs": (np.float32, (2, 3)),
                "image": (np.uint8, (20, 20)),
                "action": np.int64,
                "inner": (np.float64, [np.bool_, "object"]),
            }
        )


def test_a_layout_that_does_not_exist_is_refused_at_once():
    with pytest.raises(BadArgument, match="layout is 'aligned' or 'compact', got 'tight'"):
        ColumnStorage(layout="tight")


def test_a_value_that_does_not_fit_is_named_with_what_was_expected_and_got():
    storage = ColumnStorage({"image": (np.uint8, (2,))})
    storage.bind(4, lambda slots: IndexColumn(slots, None))

    with pytest.raises(SchemaError, match=r"image: expected uint8 of shape \(2,\), got 300.7"):
        storage.check({"image": np.array([1.0, 300.7])}, {})


@pytest.mark.parametrize("value", [1j, np.complex64(2j), np.full(2, 1j)])
def test_complex_numbers_are_stored(value):
    buffer = DequeBuffer(4, storage=ColumnStorage(), seed=0)
    buffer.push({"x": value})
    buffer.extend([{"x": value}, {"x": value}])
    buffer.extend({"x": np.stack([value, value])})

    assert 4 == len(buffer)
    assert all(np.array_equal(value, item.data["x"]) for item in buffer)
    assert {np.asarray(value).dtype} == {np.asarray(item.data["x"]).dtype for item in buffer}
