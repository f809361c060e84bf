from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from ding_buffer.replay.rank import is_first_rank


def distributed(rank: int, running: bool = True) -> SimpleNamespace:
    return SimpleNamespace(
        distributed=SimpleNamespace(
            is_available=lambda: True, is_initialized=lambda: running, get_rank=lambda: rank
        )
    )


@pytest.fixture(autouse=True)
def alone(monkeypatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)


def test_a_single_process_speaks_for_itself() -> None:
    assert is_first_rank()


@pytest.mark.parametrize(("rank", "speaks"), [("0", True), ("1", False), ("", True)])
def test_the_environment_decides(monkeypatch, rank: str, speaks: bool) -> None:
    monkeypatch.setenv("RANK", rank)

    assert speaks == is_first_rank()


@pytest.mark.parametrize(("rank", "running", "speaks"), [(0, True, True), (2, True, False), (2, False, True)])
def test_without_it_torch_decides_if_it_is_there_and_running(monkeypatch, rank, running, speaks) -> None:
    monkeypatch.setitem(sys.modules, "torch", distributed(rank, running))

    assert speaks == is_first_rank()


def test_torch_is_not_imported_for_it(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    is_first_rank()

    assert "torch" not in sys.modules
