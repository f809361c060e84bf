from __future__ import annotations

from types import SimpleNamespace

import pytest

from benchmarks import anatomy


def test_every_part_runs_and_stands_in_the_text(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(anatomy, "N", 100_000)
    monkeypatch.setattr(anatomy, "TEXT", tmp_path / "ANATOMY.md")
    monkeypatch.setattr(anatomy, "microseconds", lambda work: [work(), 1.5][1])
    monkeypatch.setattr(anatomy, "measured", lambda kernels: anatomy.figures())
    monkeypatch.setattr("sys.argv", ["anatomy"])
    anatomy.main()
    written = (tmp_path / "ANATOMY.md").read_text(encoding="utf-8")

    assert capsys.readouterr().out.strip() == written.strip()
    assert 4 == written.count("| part | C | numpy |")
    assert written.count(" | 1.50 | 1.50 |") == sum(
        len(parts()) for parts in (anatomy.uniform, anatomy.prioritised, anatomy.steps, anatomy.pushes)
    )


@pytest.mark.parametrize("kernels", ["c", "numpy"])
def test_another_process_measures_on_the_kernels_it_is_told(monkeypatch, kernels):
    def run(command, env, **_):
        assert kernels == env["DING_BUFFER_KERNELS"]
        assert ["-m", "benchmarks.anatomy", "--figures"] == command[1:]
        return SimpleNamespace(stdout=b'[[["sample", 1.5]]]')

    monkeypatch.setattr("subprocess.run", run)

    ((part,),) = anatomy.measured(kernels)
    assert ("sample", 1.5) == tuple(part)


def test_a_process_that_is_asked_prints_its_figures_alone(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["anatomy", "--figures"])
    monkeypatch.setattr(anatomy, "figures", lambda: [[("sample", 1.5)]])
    anatomy.main()

    assert '[[["sample", 1.5]]]' == capsys.readouterr().out.strip()


def test_a_part_is_timed_in_microseconds(monkeypatch):
    seconds = iter([0.0, 0.002] * anatomy.ROUNDS)
    monkeypatch.setattr("time.process_time", lambda: next(seconds))

    assert pytest.approx(200.0) == anatomy.microseconds(lambda: None, repeat=10)
