from __future__ import annotations

import math
import random

import pytest

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.pipeline.replacement_buffer import RandomReplacementBuffer
from ding_buffer.samplers.survival import replacement_chance
from tests.pipeline.written_pickles import write_fields


def filled(count: int, *arguments, **settings) -> RandomReplacementBuffer:
    buffer: RandomReplacementBuffer = RandomReplacementBuffer(["a"], *arguments, **settings)
    for number in range(count):
        buffer.add({"a": number})
    return buffer


def numbers(buffer) -> list:
    return buffer.get_data()["a"]


def test_it_fills_up_in_order_and_says_when_it_is_full():
    buffer = filled(2, 3)

    assert ([0, 1], False, 2) == (numbers(buffer), buffer.is_full, buffer._current_size)
    buffer.add({"a": 2})
    assert ([0, 1, 2], True, 3) == (numbers(buffer), buffer.is_full, buffer._current_size)


@pytest.mark.parametrize(("drawn", "expected"), [(0.0, [0, 9, 2]), (0.5, [0, 9, 2]), (0.51, [0, 1, 2])])
def test_python_s_global_random_decides_by_default(monkeypatch, drawn, expected):
    buffer = filled(3, 3, replace_probability=0.5)
    asked: list[tuple[int, int]] = []

    def randint(low, high):
        asked.append((low, high))
        return 1

    monkeypatch.setattr(random, "random", lambda: drawn)
    monkeypatch.setattr(random, "randint", randint)
    buffer.add({"a": 9})

    assert expected == numbers(buffer)
    assert asked == [(0, 2)] * (9 in expected)


def test_data_is_in_the_order_of_the_places(monkeypatch):
    buffer = filled(4, 4)
    places = iter([2, 0, 2])
    monkeypatch.setattr(random, "randint", lambda low, high: next(places))
    for number in (10, 11, 12):
        buffer.add({"a": number})

    assert [11, 1, 12, 3] == numbers(buffer)


def test_a_run_can_be_repeated_by_either_seed():
    runs = []
    for _ in range(2):
        random.seed(5)
        runs.append(numbers(filled(100, 10, 0.5)))
    state = random.getstate()
    seeded = [numbers(filled(100, 10, 0.5, seed=seed)) for seed in (1, 1, 2)]

    assert runs[0] == runs[1]
    assert seeded[0] == seeded[1] != seeded[2]
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 1.0),
        ({"replace_probability": 0.0}, 0.0),
        ({"replace_probability": 0.8}, 0.8),
        ({"expected_survival_length": 20}, 1.0),
        ({"expected_survival_length": 100}, 0.28799),
    ],
    ids=str,
)
def test_the_probability_is_given_or_follows_from_the_survival(settings, expected):
    assert expected == pytest.approx(filled(0, 10, **settings)._replace_probability, rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"replace_probability": 0.5, "expected_survival_length": 10},
            "Cannot specify both replace_probability",
        ),
        ({"replace_probability": 1.5}, r"between 0\.0 and 1\.0 inclusive"),
        ({"replace_probability": -0.5}, r"between 0\.0 and 1\.0 inclusive"),
        ({"replace_probability": math.nan}, r"between 0\.0 and 1\.0 inclusive"),
        ({"expected_survival_length": 0}, "must be positive"),
        ({"expected_survival_length": -3}, "must be positive"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        filled(0, 10, **settings)


def test_the_formula_can_be_asked_of_the_class():
    compute = RandomReplacementBuffer.compute_replace_probability_from_expected_survival_length

    assert replacement_chance(50, 700) == compute(50, 700) == compute(max_size=50, survival_length=700)


def test_values_take_the_size_first():
    by_place: RandomReplacementBuffer = RandomReplacementBuffer(3, 0.5)
    by_name: RandomReplacementBuffer = RandomReplacementBuffer(max_size=3, replace_probability=0.5)
    lives: RandomReplacementBuffer = RandomReplacementBuffer(100, None, 1000)
    both: RandomReplacementBuffer = RandomReplacementBuffer(100, expected_survival_length=1000)

    for buffer in (by_place, by_name):
        assert (3, 0.5, 6) == (buffer.max_size, buffer._replace_probability, buffer.max_queue_size)
    assert replacement_chance(100, 1000) == lives._replace_probability == both._replace_probability
    with pytest.raises(ValueError, match="Cannot specify both"):
        RandomReplacementBuffer(100, 0.5, 1000)
    with pytest.raises(ValueError, match="Cannot specify both"):
        RandomReplacementBuffer(100, 0.5, expected_survival_length=1000)
    with pytest.raises(ValueError, match="one size"):
        RandomReplacementBuffer(100, 5, 0.5, 1000)
    for value in "abcd":
        by_place.add(value)
    assert 3 == len(by_place.get_data())


@pytest.mark.parametrize("chance", [0.0, 1e-12, 0.01, 1 / 16])
def test_a_small_probability_does_not_make_a_huge_queue(chance):
    assert 16_000 == RandomReplacementBuffer(1000, chance).max_queue_size
    assert 1000 == filled(0, 1000, chance).max_queue_size


@pytest.mark.parametrize("size", [3, 10])
def test_files_of_the_original_load_and_the_first_places_are_kept(tmp_path, size):
    write_fields(tmp_path / "saved", {"a": range(5)})
    buffer = filled(1, size)
    buffer.load_state(tmp_path / "saved")

    assert list(range(5))[:size] == numbers(buffer)
    write_fields(tmp_path / "ragged", {"a": range(5), "b": range(4)})
    with pytest.raises(ValueError, match="Inconsistent list lengths in loaded data"):
        RandomReplacementBuffer(["a", "b"], 5).load_state(tmp_path / "ragged")


@pytest.mark.parametrize("count", [10, 200])
def test_of_more_than_there_is_room_for_the_first_places_are_kept(tmp_path, count):
    buffer = filled(count, 10, seed=0)
    buffer.save_state(tmp_path / "saved")
    smaller, same, larger = filled(2, 4), filled(7, 10), filled(1, 30)
    for other in (smaller, same, larger):
        other.load_state(tmp_path / "saved")

    assert numbers(buffer) == numbers(larger)
    assert not larger.is_full
    assert buffer.sample(3) == larger.sample(3)  # the generator came along
    assert numbers(buffer)[:4] == numbers(smaller)
    assert numbers(buffer) == numbers(same)
    assert smaller.is_full


def test_into_another_room_counts_come_along(tmp_path):
    buffer = filled(50, 10, 0.5, seed=0)
    buffer.save_state(tmp_path / "saved")
    counts = buffer._items.stats()["random_replacement"]
    for size in (4, 10, 30):
        other = filled(0, size)
        other.load_state(tmp_path / "saved")

        assert counts == other._items.stats()["random_replacement"]
        other._items.store.check()


@pytest.mark.parametrize("count", [7, 10, 30])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("capacity", 0),
        ("capacity", None),
        ("capacity", "ten"),
        ("capacity", 10**30),  # no such room is asked for
        ("next", "x"),
        ("next", 10**18),
        ("slots", [0, 1]),
        ("slots", 5),
        ("first", 10**18),
        ("serials", []),
    ],
    ids=str,
)
def test_a_saved_order_that_does_not_fit_is_told_or_put_right(count, key, value):
    buffer = filled(count, 10, seed=0)
    state = buffer._items.state_dict()
    state["store"]["order"][key] = value
    other = filled(3, 4)
    try:
        other._take_back(state)
    except CorruptSnapshot:
        assert [0, 1, 2] == numbers(other)
    else:
        assert {row[0] for row in state["store"]["storage"]["data"]} >= set(numbers(other))
        other._items.store.check()


@pytest.mark.parametrize("change", [{"storage": 5}, {"order": None}, {"storage": {"data": [], "meta": []}}])
def test_a_state_that_lacks_something_is_told(change):
    state = filled(30, 10)._items.state_dict()
    state["store"].update(change)

    with pytest.raises(CorruptSnapshot, match="does not fit the items"):
        filled(0, 4)._take_back(state)
