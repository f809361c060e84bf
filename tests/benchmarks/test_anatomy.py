from __future__ import annotations

import pytest

from benchmarks import anatomy


def test_every_part_runs_and_stands_in_the_text(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(anatomy, "N", 100_000)
    monkeypatch.setattr(anatomy, "TEXT", tmp_path / "ANATOMY.md")
    monkeypatch.setattr(anatomy, "microseconds", lambda work: [work(), 1.5][1])
    anatomy.main()
    written = (tmp_path / "ANATOMY.md").read_text(encoding="utf-8")

    assert capsys.readouterr().out.strip() == written.strip()
    assert 4 == written.count("| part | us |")
    assert written.count(" | 1.50 |") == sum(
        len(parts()) for parts in (anatomy.uniform, anatomy.prioritised, anatomy.steps, anatomy.pushes)
    )


def test_a_part_is_timed_in_microseconds(monkeypatch):
    seconds = iter([0.0, 0.002] * anatomy.ROUNDS)
    monkeypatch.setattr("time.process_time", lambda: next(seconds))

    assert pytest.approx(200.0) == anatomy.microseconds(lambda: None, repeat=10)
