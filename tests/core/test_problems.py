from __future__ import annotations

import pickle

import pytest

from ding_buffer.core.errors import ConfigError
from ding_buffer.core.problems import Problems, joined, nearest


def test_no_mistake_raises_nothing() -> None:
    problems = Problems("the buffer config")
    problems.raise_if_any()

    assert 0 == len(problems)


def test_one_mistake_is_told_on_one_line_with_its_path() -> None:
    problems = Problems("per.yaml")
    problems.add("middleware[1].max_use", "expected a number")

    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    assert "per.yaml: middleware[1].max_use: expected a number" == str(caught.value)


def test_several_mistakes_are_told_at_once_each_on_its_line() -> None:
    problems = Problems("per.yaml")
    problems.add("size", "expected a whole number")
    problems.add("", "a key is a text")

    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    lines = ["per.yaml: 2 mistakes", "  size: expected a whole number", "  a key is a text"]
    assert lines == str(caught.value).splitlines()


def test_the_first_cause_is_chained() -> None:
    problems, first = Problems("it"), ValueError("first")
    problems.add("a", "without a cause")
    problems.add("b", "with one", first)
    problems.add("c", "with another", ValueError("second"))

    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    assert first is caught.value.__cause__


def test_the_mistakes_of_another_error_are_told_each_on_its_line_below_a_path() -> None:
    inner = Problems("the cfg of a part")
    inner.add("size", "expected a whole number")
    inner.add("", "too much at once")
    problems = Problems("run.yaml")
    problems.add("seed", "expected a number")
    problems.take("buffer", inner.error())
    problems.take("storage", ConfigError("no room"))

    lines = [
        "run.yaml: 4 mistakes",
        "  seed: expected a number",
        "  buffer.size: expected a whole number",
        "  buffer: too much at once",
        "  storage: no room",
    ]
    assert lines == str(problems.error()).splitlines()


def test_an_error_goes_into_a_pickle_with_its_mistakes() -> None:
    problems = Problems("run.yaml")
    problems.add("seed", "expected a number")
    error = pickle.loads(pickle.dumps(problems.error()))

    assert ("run.yaml: seed: expected a number", (("seed", "expected a number"),)) == (
        str(error),
        error.found,
    )


def test_a_path_below_the_root_is_the_key_itself_and_no_key_is_the_path() -> None:
    assert ["size", "storage.size", "storage", ""] == [
        joined("", "size"),
        joined("storage", "size"),
        joined("storage", ""),
        joined("", ""),
    ]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("max_usee", "max_use"), ("MAX_USE", "max_use"), ("is_weight", "IS_weight"), ("zebra", None)],
)
def test_the_nearest_known_word_is_found_whatever_its_case(word: str, meant: str | None) -> None:
    assert meant == nearest(word, ["max_use", "IS_weight"])
