from __future__ import annotations

import threading
from collections import Counter, defaultdict

import numpy as np
import pytest

from ding_buffer.buffers.snapshot import write_snapshot
from ding_buffer.core.errors import BadArgument, CorruptSnapshot, NotEnoughItems
from ding_buffer.pipeline.dict_replacement_buffer import DictRandomReplacementBuffer
from ding_buffer.pipeline.dict_sequential_buffer import DictSequentialBuffer
from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
from ding_buffer.pipeline.sequential_buffer import SequentialBuffer
from ding_buffer.testing.distribution import surprise

FIELDS = ["state", "action", "reward"]
KINDS = [SequentialBuffer, RandomReplacementBuffer, DictSequentialBuffer, DictRandomReplacementBuffer]


def step(number: int) -> dict:
    return {"state": np.array([number, 0.5]), "action": number, "reward": -float(number)}


def filled(kind, count: int, size: int, **settings):
    buffer = kind(FIELDS, size, **settings)
    for number in range(count):
        buffer.add(step(number))
    return buffer


def in_step(columns) -> bool:
    return (
        columns["action"]
        == [-reward for reward in columns["reward"]]
        == [int(s[0]) for s in columns["state"]]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_all_fields_come_back_in_the_order_given_in_lists_of_the_callers_own(kind):
    buffer = filled(kind, 5, 8)
    data = buffer.get_data()

    assert FIELDS == list(data)
    assert [0, 1, 2, 3, 4] == data["action"]
    assert in_step(data)
    data["action"].clear()
    assert [0, 1, 2, 3, 4] == buffer.get_data()["action"]
    assert {key: [] for key in FIELDS} == kind(FIELDS, 8).get_data()


@pytest.mark.parametrize("kind", KINDS)
def test_a_mapping_can_be_used_again_by_whoever_added_it(kind):
    buffer, mapping = kind(FIELDS, 3), step(1)
    buffer.add(mapping)
    mapping["action"] = 99

    assert [1] == buffer.get_data()["action"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_item_changes_nothing(kind):
    buffer = filled(kind, 2, 8)
    for wrong in ({"state": 1, "reward": 2}, defaultdict(int, state=1), {}):
        with pytest.raises((KeyError, ValueError), match=r"not found in step_data|do not match"):
            buffer.add(wrong)
    with pytest.raises(BadArgument, match="mapping"):
        buffer.add([1, 2, 3])

    assert 2 == len(buffer)
    assert in_step(buffer.get_data())


@pytest.mark.parametrize("kind", KINDS)
def test_without_room_nothing_is_stored(kind):
    buffer = filled(kind, 3, 0)

    assert 0 == len(buffer) == buffer._current_size
    assert {key: [] for key in FIELDS} == buffer.get_data()
    with pytest.raises(NotEnoughItems):
        buffer.sample(1)


def test_without_fields_items_are_counted():
    buffer = SequentialBuffer([], 3)
    for _ in range(5):
        buffer.add({"a": 1})

    assert (3, {}) == (len(buffer), buffer.get_data())


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_has_the_form_of_all_data_and_keeps_fields_together(kind):
    buffer = filled(kind, 50, 50, seed=0)
    drawn: Counter[int] = Counter()
    for _ in range(2500):
        batch = buffer.sample(8)
        assert FIELDS == list(batch)
        assert 8 == len(set(batch["action"]))
        assert in_step(batch)
        drawn.update(batch["action"])

    assert surprise([drawn[number] for number in range(50)], [400] * 50) < 4
    assert 80 == len(buffer.sample(80, replace=True)["action"])
    with pytest.raises(NotEnoughItems):
        buffer.sample(51)


def test_with_a_seed_the_same_is_drawn():
    one, other, third = (filled(SequentialBuffer, 50, 50, seed=seed) for seed in (3, 3, 4))

    assert one.sample(9)["action"] == other.sample(9)["action"] != third.sample(9)["action"]


def test_values_are_anything():
    buffer = SequentialBuffer(3)
    mapping = {"a": 1}
    for value in (1, "x", mapping, None):
        buffer.add(value)
    mapping["a"] = 2

    assert ["x", {"a": 1}, None] == buffer.get_data()
    assert 3 == len(buffer.sample(3))
    assert 3 == buffer.max_size == buffer.max_queue_size


@pytest.mark.parametrize(
    "make",
    [
        lambda: SequentialBuffer(),
        lambda: SequentialBuffer(3, 4),
        lambda: SequentialBuffer(-1),
        lambda: SequentialBuffer(["a"]),
        lambda: SequentialBuffer("abc", 3),
        lambda: SequentialBuffer(None),  # type: ignore[arg-type]
        lambda: SequentialBuffer(None, 3),  # type: ignore[arg-type]
        lambda: SequentialBuffer(3.0),  # type: ignore[arg-type]
        lambda: RandomReplacementBuffer(),
        lambda: RandomReplacementBuffer(["a"], expected_survival_length=9),
        lambda: DictSequentialBuffer("state", 3),
        lambda: DictSequentialBuffer(5, 3),  # type: ignore[arg-type]
        lambda: DictRandomReplacementBuffer("state", 3),
    ],
)
def test_wrong_arguments_are_refused(make):
    with pytest.raises(BadArgument) as told:
        make()
    assert "<object" not in str(told.value)


@pytest.mark.parametrize("kind", [SequentialBuffer, RandomReplacementBuffer])
def test_a_size_may_be_a_number_of_numpy(kind):
    values, fields = kind(np.int64(3)), kind(["a"], np.int32(3))
    for number in range(9):
        values.add(number)
        fields.add({"a": number})

    assert 3 == len(values) == len(fields) == values.max_size == fields.max_queue_size


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_saved_comes_back_with_length_data_and_generator(kind, tmp_path):
    buffer = filled(kind, 30, 20, seed=1)
    buffer.sample(5)
    buffer.save_state(tmp_path / "state")
    resumed = kind(FIELDS, 20, seed=9)
    resumed.add(step(77))
    resumed.load_state(tmp_path / "state")

    assert 20 == len(resumed)
    for _ in range(3):
        assert buffer.sample(5)["action"] == resumed.sample(5)["action"]
    for number in range(30, 60):
        buffer.add(step(number))
        resumed.add(step(number))
    assert buffer.get_data()["action"] == resumed.get_data()["action"]
    assert in_step(resumed.get_data())


def test_values_are_saved_too(tmp_path):
    for kind in (SequentialBuffer, RandomReplacementBuffer):
        buffer = kind(max_size=4)
        for value in (1, "x", {"a": (1, None)}, np.arange(3)):
            buffer.add(value)
        buffer.save_state(tmp_path / kind.__name__)
        other = kind(4)
        other.load_state(tmp_path / kind.__name__)

        assert [1, "x", {"a": (1, None)}] == other.get_data()[:3]
        assert [0, 1, 2] == other.get_data()[3].tolist()


def test_a_buffer_finds_its_own_form_where_there_are_both(tmp_path, monkeypatch):
    fields, values = filled(SequentialBuffer, 2, 8), SequentialBuffer(8)
    values.add(7)
    for buffer in (fields, values):
        buffer.save_state(tmp_path / "state")
    others = SequentialBuffer(FIELDS, 8), SequentialBuffer(8)
    for buffer in others:
        buffer.load_state(tmp_path / "state")

    assert ([0, 1], [7]) == (others[0].get_data()["action"], others[1].get_data())
    monkeypatch.chdir(tmp_path / "state")
    here = SequentialBuffer(FIELDS, 8)
    here.load_state(".")
    assert 2 == len(here)


def test_fields_may_have_another_order(tmp_path):
    filled(SequentialBuffer, 5, 8).save_state(tmp_path / "state")
    other = SequentialBuffer(["reward", "state", "action"], 8)
    other.load_state(tmp_path / "state")

    assert in_step(other.get_data())


@pytest.mark.parametrize("names", [["state"], [*FIELDS, "more"], ["state", "action", "return"]], ids=str)
def test_other_fields_are_refused_and_nothing_changes(tmp_path, names):
    filled(SequentialBuffer, 5, 8).save_state(tmp_path / "state")
    other = SequentialBuffer(names, 8)
    other.add(dict.fromkeys(names, 1))
    for buffer in (other, SequentialBuffer(8)):
        before = buffer.get_data()
        with pytest.raises(CorruptSnapshot, match="it holds the fields"):
            buffer.load_state(tmp_path / "state")
        assert before == buffer.get_data()


def test_of_named_fields_a_directory_is_made_and_never_written_over(tmp_path):
    buffer = filled(SequentialBuffer, 2, 8)
    buffer.save_state(tmp_path / "state")

    assert (tmp_path / "state").is_dir()
    with pytest.raises(FileExistsError):
        buffer.save_state(tmp_path / "state")
    with pytest.raises(FileNotFoundError):
        buffer.save_state(tmp_path / "no" / "state")
    with pytest.raises(FileNotFoundError):
        buffer.load_state(tmp_path / "nothing")
    assert ["state"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"fields": FIELDS, "items": {}},
        {"fields": FIELDS, "items": None},
        {"fields": FIELDS, "items": {"store": {"storage": {"data": []}}, "layers": []}},
        {"fields": [["state"], "action", "reward"], "items": {"store": {"storage": {"data": []}}}},
        {"fields": FIELDS, "items": {"store": {"storage": {"data": 5}}}},
        {"fields": FIELDS, "items": [1]},
        {"fields": 5, "items": {"store": {"storage": {"data": []}}}},
        {"fields": [*FIELDS, "state"], "items": {"store": {"storage": {"data": [(1, 2, 3)]}}}},
    ],
    ids=str,
)
def test_a_foreign_file_is_told(tmp_path, state):
    (tmp_path / "state").mkdir()
    write_snapshot(tmp_path / "state" / "items.snapshot", state)
    for kind in (SequentialBuffer, RandomReplacementBuffer):
        with pytest.raises(CorruptSnapshot, match=r"^[^ ]*items\.snapshot: [^/]*$"):
            kind(FIELDS, 3).load_state(tmp_path / "state")


def test_rows_that_do_not_have_the_fields_are_told(tmp_path):
    buffer = filled(SequentialBuffer, 3, 8)
    buffer._items.push(("too", "short"))
    buffer.save_state(tmp_path / "state")

    with pytest.raises(CorruptSnapshot, match="not every row"):
        SequentialBuffer(FIELDS, 8).load_state(tmp_path / "state")


@pytest.mark.parametrize("kind", [SequentialBuffer, RandomReplacementBuffer])
def test_readers_never_meet_half_an_item_while_others_add(kind):
    buffer = filled(kind, 200, 200)
    stop = threading.Event()

    def write():
        number = 200
        while not stop.is_set():
            buffer.add(step(number))
            number += 1

    writers = [threading.Thread(target=write) for _ in range(2)]
    for thread in writers:
        thread.start()
    try:
        for _ in range(150):
            data = buffer.get_data()
            assert 200 == len(data["action"])
            assert in_step(data)
            assert in_step(buffer.sample(16))
    finally:
        stop.set()
        for thread in writers:
            thread.join()


def test_it_says_what_it_holds():
    assert "SequentialBuffer(state, action, reward; 2 of 8)" == repr(filled(SequentialBuffer, 2, 8))
    assert "RandomReplacementBuffer(values; 0 of 3)" == repr(RandomReplacementBuffer(3))
