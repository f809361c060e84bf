from __future__ import annotations

import io

import pytest

pytest.importorskip("rich")
from rich.console import Console

from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.plain_display import PlainDisplay
from ding_buffer.cli.progress import RunStatus
from ding_buffer.cli.run_config import read_run_config
from ding_buffer.cli.sample_probe import BufferGlance


def lines(tiny, *histories: RunHistory) -> list[str]:
    out = io.StringIO()
    display = PlainDisplay(Console(file=out, width=60))
    for history in histories:
        display.show(
            RunStatus(
                config=read_run_config(tiny, "tiny"),
                history=history,
                env_step=12032,
                train_iter=64,
                epsilon=0.1,
                held=75,
                capacity=300,
                glance=BufferGlance([0.5], [3]),
                env_steps_per_second=1234.5,
                updates_per_second=600.0,
                elapsed=65.0,
            )
        )
    display.note("said in [passing]")
    display.close()
    return out.getvalue().splitlines()


def test_the_columns_are_named_once_and_every_status_is_one_line_under_them(tiny) -> None:
    full = RunHistory(episodes=[(10, 93.0), (20, 94.0)])
    full.add_evaluation(20, [243.1])
    full.add_learning(20, 0.0134, [2310], 75)
    printed = lines(tiny, RunHistory(), full)

    assert 4 == len(printed)
    assert printed[0].split("  ")[-1].strip() == "elapsed"
    assert ["12,032", "-", "-", "-", "-", "25%", "-", "0.5", "1,234", "1:05"] == printed[1].split()
    assert ["12,032", "93.5", "94", "243.1", "0.0134", "25%", "2,310", "0.5", "1,234", "1:05"] == printed[
        2
    ].split()
    assert 1 == len({len(line) for line in printed[:3]})


def test_a_note_is_printed_as_it_is(tiny) -> None:
    assert ["said in [passing]"] == lines(tiny)
