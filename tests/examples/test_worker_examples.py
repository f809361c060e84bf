"""What the examples of worker buffers and of the layers beside them show is so."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LIVE = EXAMPLES / "worker_live_monitors.py"
FRAME = "╭─ the collector".encode()
ENV = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}


def run(name: str, *budget: Any) -> Any:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](*budget)


def test_a_naive_buffer_keeps_the_newest_and_goes_on_as_it_was() -> None:
    told = run("worker_naive", 250)

    assert (None, 100, True) == (told["early"], told["held"], told["same"])
    assert all(150 <= data["obs"] < 250 for data in told["batch"])
    assert all(240 <= data["obs"] < 250 for data in told["newest"])


def test_an_elastic_buffer_draws_from_no_more_than_its_window() -> None:
    told = run("worker_elastic", 800)

    windows = [max(20, envstep // 4) for envstep in range(20, 801, 20)]
    assert (500, 200) == (told["held"], told["current"])
    assert all(0 < age <= window for age, window in zip(told["ages"], windows, strict=True))
    assert told["ages"][-1] > 100 > told["ages"][0]


def test_windows_of_a_sequence_buffer_are_consecutive_steps_of_one_episode() -> None:
    told = run("worker_sequence", 300)

    assert (300, 90, None) == (len(told["windows"]), told["held"], told["too_long"])
    for window in told["windows"]:
        first = window[0]["t"]
        assert [first + place for place in range(4)] == [step["t"] for step in window]
        assert 1 == len({(step["env"], step["episode"]) for step in window})
    assert set(range(5)) == set(told["starts"])


def test_whole_episodes_tell_which_arm_pays_better() -> None:
    told = run("worker_episode", 400)

    assert (50, 50) == (told["held"], len(told["lengths"]))
    assert pytest.approx([0.3, 0.6], abs=0.05) == told["values"]


def test_priorities_halve_the_updates_that_a_rare_reward_takes() -> None:
    told = run("worker_advanced", 3000)

    assert told["needed"]["by priority"] < 0.6 * told["needed"]["uniformly"]
    assert [
        "replay_unique_id",
        "replay_buffer_idx",
        "priority",
        "IS",
        "use",
        "staleness",
    ] == list(told["added"])


def test_a_serial_loop_draws_hard_items_more_often() -> None:
    told = run("worker_deque_wrapper", 300)

    assert 200 == told["held"]
    assert told["share"] > 0.25
    assert {"use_count_avg", "priority_avg", "priority_max", "buffer_data_count"} == {
        tag.removeprefix("serial_iter/") for tag in told["curves"]
    }
    assert 10 == max(value for _, value in told["curves"]["serial_iter/priority_max"])


def test_three_layers_keep_pace_report_and_archive() -> None:
    told = run("pace_watch_and_archive", 200)

    pushed, sampled = told["counts"]["pushed"], told["counts"]["sampled"]
    assert {"push", "sample"} == told["sides"]
    assert pytest.approx(4 * (pushed - 16), abs=8) == sampled
    assert list(range(pushed)) == told["archive"]
    assert {"evicted": pushed - 64, "cleared": 64} == told["reasons"]
    assert sampled // 80 == len(told["reports"])


def test_collector_and_learner_are_both_held_back_and_the_monitors_show_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    curves = {"live_sec/pushed_in", "live_sec/current_have", "live_iter/use_avg", "live_iter/beta"}
    # How far both get in two seconds is up to the machine; one that is busy needs more of them.
    for seconds in (2.0, 10.0, 60.0):
        told = run("worker_live_monitors", None, seconds)
        if told["stats"]["refused_pushes"] and curves <= set(told["curves"]):
            break

    assert told["stats"]["refused_pushes"] > 0
    assert "limit_" in told["last"]
    assert curves <= set(told["curves"])
    assert f"Done after {told['updates']} updates" in capsys.readouterr().out


def test_it_ends_after_so_many_batches() -> None:
    assert 5 == run("worker_live_monitors", 5, 300.0)["updates"]


def test_an_interrupt_ends_it_cleanly() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(LIVE), "--seconds", "600"],
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        first = started.stdout.readline()
        started.send_signal(signal.SIGINT)
        try:
            out, err = started.communicate(timeout=120)
        finally:
            started.kill()  # it would run on for ten minutes

    assert "the collector keeps pace" in first
    assert (0, "") == (started.returncode, err)
    assert out.splitlines()[-1].startswith("Stopped after")


def test_a_terminal_gets_a_panel_that_is_redrawn() -> None:
    pytest.importorskip("rich")
    pty = pytest.importorskip("pty")
    reader, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(LIVE), "--seconds", "120"],
        env={**ENV, "COLUMNS": "100", "TERM": "xterm", "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"},
        stdout=terminal,
        stderr=subprocess.PIPE,
    ) as started:
        os.close(terminal)
        shown = b""
        while chunk := read_some(reader):
            seen, shown = shown.count(FRAME), shown + chunk
            if seen < 3 <= shown.count(FRAME):
                started.send_signal(signal.SIGINT)
        err = started.stderr.read()
    os.close(reader)

    assert (0, b"") == (started.returncode, err)
    assert shown.count(FRAME) > 2
    assert b"Stopped after" in shown


def read_some(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""
