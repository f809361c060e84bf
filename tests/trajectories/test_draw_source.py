"""Random numbers for what is copied into loader workers."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from ding_buffer.trajectories import draw_source
from ding_buffer.trajectories.draw_source import DrawSource, worker_info


def numbers(source: DrawSource, count: int = 5) -> list[int]:
    return [int(source.generator().integers(2**40)) for _ in range(count)]


def test_a_seed_repeats_the_draws_and_none_does_not() -> None:
    assert numbers(DrawSource(3)) == numbers(DrawSource(3))
    assert numbers(DrawSource(3)) != numbers(DrawSource(4))
    assert numbers(DrawSource()) != numbers(DrawSource())


def test_outside_of_workers_there_is_no_worker() -> None:
    assert worker_info() is None


@pytest.mark.parametrize("seed", [7, None])
def test_each_worker_and_each_pass_draws_its_own(seed: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    source = DrawSource(seed)

    def in_worker(number: int) -> list[int]:
        copy = pickle.loads(pickle.dumps(source))
        monkeypatch.setattr(draw_source, "worker_info", lambda: SimpleNamespace(seed=number, id=0))
        drawn = numbers(copy)
        monkeypatch.undo()
        return drawn

    first = in_worker(1)
    assert first == in_worker(1)
    assert 3 == len({tuple(first), tuple(in_worker(2)), tuple(numbers(source))})


def test_processes_of_one_experiment_draw_differently_and_repeatably() -> None:
    def process(number: int) -> list[int]:
        source = DrawSource(3)
        source.part_ways(number)
        return numbers(source)

    assert 3 == len({tuple(process(number)) for number in range(3)})
    assert process(0) == numbers(DrawSource(3))
    assert process(2) == process(2)


def test_a_worker_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    source = DrawSource(1)
    monkeypatch.setattr(draw_source, "worker_info", lambda: SimpleNamespace(seed=5, id=0))

    assert isinstance(source.generator(), np.random.Generator)
    assert source.generator() is source.generator()


def test_with_one_seed_each_owner_draws_its_own() -> None:
    assert numbers(DrawSource(3, "a")) == numbers(DrawSource(3, "a"))
    assert 3 == len({tuple(numbers(DrawSource(3, owner))) for owner in ("", "a", "b")})
