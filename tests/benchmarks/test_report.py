"""RESULTS.md on made-up figures."""

from __future__ import annotations

import pytest

from benchmarks import report
from benchmarks.contest import Figure, Results
from benchmarks.rows import ROWS
from benchmarks.targets import BEST, MORE_IS_BETTER, TARGETS, Target, best_peer

MACHINE = {"processor": "an abacus", "cores": "2", "memory": "1 GiB", "system": "none"}


def results(**rows) -> Results:
    made = Results(
        versions={name: {name: "1"} for name in ("limit", "ours_c", "ours_numpy", "cpprb", "sb3")},
        absent={"torchrl": "its wheel does not load"},
    )
    for key, medians in rows.items():
        made.figures[key.replace("_", " ")] = {name: Figure.of([value]) for name, value in medians.items()}
    return made


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


@pytest.fixture
def text() -> str:
    made = results(
        push={"limit": 0.2, "ours_c": 0.1, "ours_numpy": 0.5, "cpprb": 10.0, "sb3": 2.0},
        sample={"limit": 5.0, "ours_c": 40.0, "ours_numpy": 80.0, "cpprb": 50.0, "sb3": 20.0},
    )
    made.figures["threads adds/s"] = {"ours_c": Figure.of([2e6]), "cpprb": Figure.of([1e6])}
    made.missing = {"images": {"ours_c": "not there yet", "cpprb": "its process ended with status -9"}}
    return report.write(made, MACHINE, "2026-01-01")


def test_losses_come_before_everything_else(text):
    headings = lines(text, "## ")
    assert "## Where ours loses" == headings[0]
    assert lines(text, "* **") == ["* **sample 256 of 1M, us**: SB3 20, ours 40 (0.50x)"]


def test_missed_targets_are_named_with_what_was_reached(text):
    losses = text[: text.index("## Targets")]
    assert "* sample 256 of 1M, us: 1.25x cpprb, wanted >= 8x" in losses
    assert "* push one, us: 20.0x cpprb, wanted >= 20x" not in losses


def test_the_best_of_a_row_is_bold_and_the_limit_takes_no_part(text):
    side = text[text.index("## Side by side") :]
    assert "| push one, us | 0.2 | **0.1** | 0.5 | 10 | 2 |" in side
    assert "| sample 256 of 1M, us | 5 | 40 | 80 | 50 | **20** |" in side
    assert "| two threads, adds/s | - | **2M** | - | 1M | - |" in side


def test_targets_show_wanted_and_reached(text):
    table = text[text.index("## Targets") : text.index("## Side by side")]
    row = "| push one, us | cpprb | 10 | 0.1 | >= 40x | 100x met | 0.5 | >= 20x | 20.0x met |"
    assert row in table
    assert "1.25x **missed**" in table


def test_who_is_missing_is_named_with_the_reason(text):
    end = text[text.index("## What has no figure") :]
    assert "* torchrl: its wheel does not load" in end
    assert "cpprb: its process ended with status -9" in end
    assert "not there yet" in text[: text.index("## Targets")]


def test_machine_and_versions_are_told(text):
    assert "| processor | an abacus |" in text
    assert "| cpprb | cpprb 1 |" in text


def test_a_run_without_c_says_so():
    made = results(push={"ours_numpy": 1.0, "sb3": 2.0})
    del made.versions["ours_c"]
    assert "The C extension is not built here" in report.write(made, MACHINE, "2026-01-01")


def test_of_rates_the_highest_is_best():
    made = Results(figures={"threads adds/s": {"cpprb": Figure.of([1.0]), "sb3": Figure.of([3.0])}})
    assert ("sb3", 3.0) == best_peer(made, "threads adds/s")


def test_a_limit_is_met_to_the_digit_shown():
    made = results(memory={"ours_c": 42.0})
    assert Target("memory", "payload", 1.0, None).met(made, "ours_c") is True
    made = results(memory={"ours_c": 47.0})
    assert Target("memory", "payload", 1.0, None).met(made, "ours_c") is False


def test_every_target_names_a_row():
    keys = {key for row in ROWS for key in row.keys}
    assert {target.key for target in [*TARGETS, *BEST]} <= keys
    assert keys >= MORE_IS_BETTER


def test_results_survive_the_file_of_figures():
    made = results(push={"ours_c": 1.0, "sb3": 2.0})
    assert made == Results.read(made.plain())
