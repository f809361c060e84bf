from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.buffered_batch import BufferedBatch
from ding_buffer.core.errors import BadArgument, SchemaError, UnknownIndex
from ding_buffer.core.ragged import RaggedColumn
from ding_buffer.middleware.clone import clone_object
from ding_buffer.middleware.prioritized_replay import PriorityExperienceReplay
from ding_buffer.middleware.use_count import use_time_check
from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.schema_spec import Ragged
from ding_buffer.testing.buffer_checks import buffer_machine, check_buffer
from tests.buffers.column_buffers import empty, everything, filled, numbers, payload, same, stacked


def layered() -> DequeBuffer:
    return empty(5).use(clone_object()).use(use_time_check(max_use=3)).use(PriorityExperienceReplay())


TestLayeredColumns = buffer_machine(layered, payload=payload, same=same).TestCase
TestLayeredColumns.settings = settings(max_examples=25, stateful_step_count=30)
TestColumns = buffer_machine(lambda: empty(5), payload=payload, same=same).TestCase
TestColumns.settings = settings(max_examples=40, stateful_step_count=40)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize("layout", ["aligned", "compact"])
def test_any_operations_agree_with_a_list(size, layout):
    for seed in range(2):
        check_buffer(empty(size, layout=layout), seed=seed, payload=payload, same=same)


# Many at once.


@pytest.mark.parametrize("count", [0, 1, 5, 8, 9, 30])
@pytest.mark.parametrize("held", [0, 3, 8])
@pytest.mark.parametrize(
    "make",
    [
        lambda count: [payload(number) for number in range(50, 50 + count)],
        lambda count: iter([payload(number) for number in range(50, 50 + count)]),
        lambda count: stacked(np.arange(50, 50 + count)),
        lambda count: everything_of(50, count),
    ],
    ids=["list", "iterator", "columns", "batch"],
)
def test_many_are_stored_however_they_come(make, held, count):
    buffer = filled(held)
    batch = buffer.extend(make(count), meta={"env": np.arange(count)})
    expected = [*range(held), *range(50, 50 + count)][-8:]

    assert isinstance(batch, BufferedBatch)
    assert list(range(50, 50 + count)) == numbers(batch)
    assert list(range(count)) == [item.meta["env"] for item in batch]
    assert all(same(payload(item.data["n"]), item.data) for item in batch)
    assert expected == numbers(buffer)
    assert all(same(payload(item.data["n"]), item.data) for item in buffer)
    assert [item.index for item in buffer][-count:] == list(batch.index)[-8:] or not count
    buffer.store.check()


def everything_of(first: int, count: int) -> Any:
    """A batch that was drawn from another buffer and holds these transitions in order."""
    other = empty(count or 1)
    other.extend([payload(number) for number in range(first, first + count)])
    return other.sample(indices=[item.index for item in other]) if count else other.extend([])


class Pair(NamedTuple):
    left: Any
    right: Any


@pytest.mark.parametrize(
    "make",
    [
        lambda number: number,
        lambda number: (number, [number / 2]),
        lambda number: Pair(number, {"x": np.full(2, number)}),
        lambda number: np.full((2, 2), number, np.int16),
        lambda number: f"text {number}",
    ],
    ids=["number", "tuple", "named tuple", "array", "text"],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_batch_of_any_payload_goes_from_buffer_to_buffer(make, known):
    one, other = empty(6), empty(6)
    one.extend([make(number) for number in range(6)])
    if known:
        other.push(make(77))
    other.extend(one.sample(indices=[item.index for item in one]))

    for first, second in zip(one, list(other)[-6:], strict=True):
        assert repr(first.data) == repr(second.data)
    objects = DequeBuffer(6)
    objects.extend(other.sample(6))
    assert sorted(repr(item.data) for item in other) == sorted(repr(item.data) for item in objects)


def test_objects_that_came_in_a_batch_have_memory_of_their_own():
    columns, objects = filled(4), DequeBuffer(8)
    batch = columns.sample(4)
    objects.extend(batch)
    batch.data["obs"][:] = -1
    objects[0].data["obs"][:] = -2

    assert [-2.0] == np.unique(objects[0].data["obs"]).tolist()
    assert [item.data["n"] for item in objects][1:] == [int(item.data["obs"][0, 0]) for item in objects][1:]


def test_fillers_are_not_stored():
    batch = filled(6).sample(3).pick(np.arange(3), mask=np.array([True, False, True]))
    for buffer in (empty(), DequeBuffer(8)):
        buffer.extend(batch, meta={"k": [5, 6]})

        assert [numbers(batch.without_fillers()), [5, 6]] == [
            numbers(buffer),
            [item.meta["k"] for item in buffer],
        ]


def test_groups_are_stored_item_by_item():
    batch = filled(8).sample(2, groupby="env")
    other = empty()
    other.extend(batch)

    assert numbers(batch.opened()) == numbers(other)


def test_ragged_and_object_fields_come_back_from_extend_as_from_sample():
    buffer = DequeBuffer(4, storage=ColumnStorage({"tokens": Ragged(np.int64), "name": "object"}), seed=0)
    batch = buffer.extend([{"tokens": [1] * number, "name": "x" * number} for number in range(3)])
    drawn = buffer.sample(indices=batch.index)

    for one in (batch, drawn):
        assert isinstance(one.data["tokens"], RaggedColumn)
        assert [[], [1], [1, 1]] == [item.data["tokens"].tolist() for item in one]
        assert ["", "x", "xx"] == [item.data["name"] for item in one] == one.data["name"].tolist()
    again = empty(4)
    again.extend(drawn)
    assert [0, 1, 2] == [len(item.data["tokens"]) for item in again]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (
            [payload(1), {**payload(2), "image": np.full((20, 20), 300)}],
            "image in row 1: expected uint8 .* got 300",
        ),
        ([payload(1), {"obs": 1}], "Row 1: image: expected .*, got nothing"),
        ([payload(1), {**payload(2), "more": 1}], "Row 1: more: expected no such field"),
        ({**stacked([1, 2]), "n": np.array([1.5, 2.0])}, "n in row 0: expected one int64, got 1.5"),
        ({**stacked([1, 2]), "n": np.array([1])}, "n: expected 2 rows"),
        ({"n": np.arange(2)}, "obs: expected .* got nothing"),
    ],
)
def test_what_does_not_fit_refuses_all_and_is_named(batch, message):
    buffer = filled(8)
    buffer.sample(1, groupby="env")
    before = everything(buffer)

    with pytest.raises(SchemaError, match=message):
        buffer.extend(batch)

    assert before == everything(buffer)
    buffer.store.check()


def test_a_first_batch_that_is_refused_teaches_nothing():
    buffer = empty()
    with pytest.raises(SchemaError):
        buffer.extend([{"n": 1}, {"n": "text"}])
    with pytest.raises(BadArgument):
        buffer.extend([{"n": 1}], meta=[{}, {}])
    buffer.extend([{"m": "other"}])

    assert [{"m": "other"}] == [item.data for item in buffer]


# Updates, deletions, lookups.


@pytest.mark.parametrize(
    "name",
    [
        lambda batch: batch.index,
        lambda batch: list(batch.index),
        lambda batch: batch.slots,
        lambda batch: (item.index for item in batch),
        lambda batch: copy.deepcopy(batch.index),
    ],
    ids=["column", "texts", "slots", "iterator", "copied column"],
)
def test_a_batch_names_its_items_in_every_way(name):
    buffer = filled(8)
    batch = buffer.sample(3)

    there = buffer.update(name(batch), meta={"priority": np.array([0.5, 1.5, 2.5])})
    assert [True] * 3 == there.tolist()
    for number, priority in zip(numbers(batch), [0.5, 1.5, 2.5], strict=True):
        assert priority == buffer[number].meta["priority"]
    assert numbers(batch) == numbers(buffer.get_by_index(name(batch)))
    assert numbers(batch) == numbers(buffer.sample(indices=name(batch)))
    assert 3 == buffer.delete(name(batch))
    assert not set(numbers(batch)) & set(numbers(buffer))


@pytest.mark.parametrize("unroll_len", [None, 2])
def test_groups_name_their_items(unroll_len):
    buffer = filled(8)
    batch = buffer.sample(3, groupby="env", unroll_len=unroll_len)
    values = np.arange(batch.slots.size, dtype=np.float64)

    for index, given in ((batch.index, values), (batch.slots, values.reshape(batch.slots.shape))):
        assert buffer.update(index, meta={"score": given}).all()
        assert values.tolist() == [item.meta["score"] for item in buffer.get_by_index(batch.index)]
        assert buffer.update(index, meta={"score": -values}).all()


def test_windows_of_one_item_take_one_value_each():
    buffer = filled(6)
    batch = buffer.sample(3, groupby="env", unroll_len=1)

    buffer.update(batch.index, meta={"score": np.array([[1.0], [2.0], [3.0]])})

    assert [1.0, 2.0, 3.0] == [item.meta["score"] for item in buffer.get_by_index(batch.index)]


def test_fillers_name_nobody():
    buffer = filled(6)
    batch = buffer.sample(3).pick(np.arange(3), mask=np.array([True, False, True]))

    for index in (batch.index, copy.deepcopy(batch.index), batch.slots):
        assert [True, False, True] == buffer.update(index, meta={"k": [1, 2, 3]}).tolist()
    assert {1, 3, None} == {item.meta.get("k") for item in buffer}
    with pytest.raises(UnknownIndex):
        buffer.get_by_index(batch.index)


CHANGES: dict[str, Any] = {
    "evicted": lambda buffer: buffer.extend([payload(number) for number in range(100, 108)]),
    "evicted several times": lambda buffer: buffer.extend([payload(number) for number in range(100, 127)]),
    "deleted and refilled": lambda buffer: (
        buffer.delete([item.index for item in buffer]),
        buffer.extend([payload(number) for number in range(100, 108)]),
    ),
    "deleted one by one": lambda buffer: [
        (buffer.delete(buffer[len(buffer) // 2].index), buffer.push(payload(100))) for _ in range(20)
    ],
    "cleared": lambda buffer: (
        buffer.clear(),
        buffer.extend([payload(number) for number in range(100, 108)]),
    ),
    "loaded from another": lambda buffer: buffer.load_state_dict(filled(8).state_dict()),
}


@pytest.mark.parametrize("looked_at", [True, False])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("before", [0, 3])
def test_an_index_of_what_is_gone_names_nobody_else(before, change, looked_at):
    buffer = filled(11)
    if before:
        buffer.delete([buffer[2].index, buffer[4].index])
    batch = buffer.sample(len(buffer))
    if looked_at:
        list(batch.index)
    change(buffer)
    held = {item.index for item in buffer}
    kept = [text in held for text in batch.index]
    metas = [item.meta for item in buffer if item.index not in set(batch.index)]

    assert kept == buffer.update(batch.index, meta={"k": np.arange(len(kept))}).tolist()
    assert metas == [item.meta for item in buffer if item.index not in set(batch.index)]
    assert sum(kept) == buffer.delete(batch.index)
    assert not set(batch.index) & {item.index for item in buffer}
    buffer.store.check()


def test_after_a_reload_of_its_own_state_an_index_names_the_same():
    buffer = filled(8)
    batch = buffer.sample(4)
    state = buffer.state_dict()
    late = buffer.extend([payload(50), payload(51)])
    buffer.load_state_dict(state)
    buffer.extend([payload(60), payload(61)])

    assert [False, False] == buffer.update(late.index, meta={"k": 1}).tolist()
    there = buffer.update(batch.index, meta={"k": 1})
    assert [number >= 2 for number in numbers(batch)] == there.tolist()


def test_an_index_of_a_copy_names_what_the_copy_holds():
    buffer = filled(8)
    batch = buffer.sample(4)
    twin = copy.deepcopy(buffer)
    buffer.clear()

    assert [False] * 4 == buffer.update(batch.index, meta={"k": 1}).tolist()
    assert [True] * 4 == twin.update(batch.index, meta={"k": 1}).tolist()
    assert numbers(batch) == numbers(twin.get_by_index(batch.index))


def test_many_payloads_are_replaced():
    buffer = filled(8)
    gone = buffer[0].index
    buffer.delete(gone)
    indices = [buffer[1].index, gone, buffer[3].index]
    there = buffer.update(indices, data=[payload(90), payload(91), payload(92)], meta={"k": [1, 2, 3]})

    assert [True, False, True] == there.tolist()
    assert [1, 90, 3, 92, 5, 6, 7] == numbers(buffer)
    assert same(payload(92), buffer[3].data)
    before = everything(buffer)
    with pytest.raises(SchemaError):
        buffer.update([buffer[1].index, buffer[2].index], data=[payload(1), {"n": 1}], meta={"k": [8, 9]})
    assert before == everything(buffer)


def test_indices_in_groups_come_in_groups():
    buffer = filled(8)
    texts = [item.index for item in buffer]
    for groups in (
        [[texts[0], texts[5]], [texts[5], texts[2]]],
        [
            buffer.sample(indices=[texts[0], texts[5]]).index,
            buffer.sample(indices=[texts[5], texts[2]]).index,
        ],
        buffer.sample(indices=[[texts[0], texts[5]], [texts[5], texts[2]]]).slots,
    ):
        batch = buffer.sample(2, indices=groups)

        assert [[0, 5], [5, 2]] == batch.data["n"].tolist() == [numbers(group) for group in batch]
    assert [[0], [5, 2]] == [
        numbers(one) for one in buffer.sample(indices=[[texts[0]], [texts[5], texts[2]]])
    ]


def test_slots_in_rows_are_windows_of_one_length():
    buffer = filled(6)
    slots = np.array([[1, 2, 3], [5, 0, 5]])
    batch = buffer.sample(2, indices=slots)

    assert ([3, 3], [[1, 2, 3], [5, 0, 5]]) == (batch.lengths.tolist(), batch.data["n"].tolist())
    assert ((2, 3), 6) == (batch.slots.shape, buffer.stats()["sampled"])
    buffer.delete(slots[0, :1])
    assert [[5, 0, 5]] == buffer.sample(1, indices=slots[1:]).data["n"].tolist()
    with pytest.raises(UnknownIndex):
        buffer.sample(2, indices=slots)
