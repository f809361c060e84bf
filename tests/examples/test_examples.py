"""Runs every example on a small budget, and as the reader would."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, budget: int) -> Any:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](budget)


def test_a_minimal_buffer_keeps_the_newest_items(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = run("minimal_buffer", 250)

    assert (99, 150, 1) == (told["held"], told["oldest"], told["deleted"])
    assert [10, 10] == [len(episode) for episode in told["episodes"]]
    assert "it holds 100, from 150 on" in capsys.readouterr().out


def test_prioritized_draws_follow_the_priorities() -> None:
    told = run("per_by_hand", 8000)

    assert pytest.approx(list(told["expected"]), abs=0.02) == list(told["drawn"].values())
    assert told["weights"]["h"] < told["weights"]["e"] < told["weights"]["a"] == pytest.approx(1.0)


def test_sqil_learns_to_walk_as_the_expert() -> None:
    told = run("sqil_two_buffers", 60)

    assert ">" * 10 == told["chosen"]
    assert {0.0, 1.0} == told["rewards"]


def test_windows_are_whole_and_the_hard_episode_comes_up_more() -> None:
    told = run("r2d2_groups_and_windows", 100)

    assert 800 == len(told["windows"])
    for window in told["windows"]:
        first = window[0]["step"]
        assert [first + place for place in range(4)] == [step["step"] for step in window]
        assert 1 == len({step["env_data_id"] for step in window})
    assert 2 == told["episodes"].most_common(1)[0][0]
    assert told["episodes"][2] > 2 * max(told["episodes"][other] for other in (0, 1, 3))
    assert set(range(7)) == set(told["starts"])


def test_hindsight_makes_the_difference() -> None:
    rates = run("hindsight", 300)

    assert rates["with"] > 0.4
    assert rates["without"] < 0.1


def test_own_layers_refuse_clip_and_count() -> None:
    told = run("own_layer", 60)

    assert 20 == told["held"]
    assert {"push": 60, "sample": 1} == told["calls"]
    assert max(told["rewards"]) <= 1.0


def test_what_one_thread_collects_another_learns_from() -> None:
    told = run("collector_and_trainer", 2000)
    counts = told["counts"]

    assert [3.0, -2.0, 1.0] == pytest.approx(told["weights"].tolist(), abs=0.15)
    assert 2000 == counts["added"] + counts["dropped"]
    assert 0 == counts["pending"] == counts["rejected"]
    assert counts["size"] == len(told["resumed"])


def test_a_learner_draws_what_actors_push_in_other_processes() -> None:
    # As a program: what its processes are to do has to be found in its main module.
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / "shared_actors.py"), "400"],
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "" == ran.stderr
    assert "2 actors pushed 800 steps; 800 are held, 0 missed." == ran.stdout.splitlines()[0]


def test_a_sequence_policy_learns_from_actors_files_and_demonstrations() -> None:
    pytest.importorskip("torch")
    # What the actors have written when it is drawn, and how torch rounds, is up to the machine. After 120
    # updates nearly every run stands ten times as long as before; one that does not is tried with more.
    for budget in (120, 400):
        # As a program: what its processes are to do has to be found in its main module.
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / "trajectories_on_disk.py"), str(budget)],
            env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "" == ran.stderr
        before, after, updates, _, replay, demonstrations = map(int, re.findall(r"\d+", ran.stdout))
        assert budget == updates
        assert min(replay, demonstrations) > 0
        if after > 2 * before:
            break

    assert after > 2 * before


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_each_runs_by_itself_and_tells_its_reader_something(path: Path, tmp_path: Path) -> None:
    if "\nimport torch\n" in path.read_text(encoding="utf-8"):
        pytest.importorskip("torch")
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(path), "60"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == ran.returncode, ran.stderr
    assert len(ran.stdout.splitlines()) >= 2
    assert "Traceback" not in ran.stderr
