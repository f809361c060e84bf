from __future__ import annotations

import io

import pytest

pytest.importorskip("rich")
from rich.console import Console

from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.live_display import LiveDisplay
from ding_buffer.cli.progress import RunStatus
from ding_buffer.cli.run_config import read_run_config
from ding_buffer.cli.sample_probe import BufferGlance


def status(tiny, history: RunHistory, glance: BufferGlance) -> RunStatus:
    return RunStatus(
        config=read_run_config({**tiny, "eval": {"goal": 475}}, "tiny"),
        history=history,
        env_step=192,
        train_iter=64,
        epsilon=0.25,
        held=75,
        capacity=300,
        glance=glance,
        env_steps_per_second=1234.0,
        updates_per_second=600.0,
        elapsed=65.0,
    )


def drawn(tiny, history: RunHistory, glance: BufferGlance, width: int = 110) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, height=40, force_terminal=True, color_system=None)
    display = LiveDisplay(console, "tiny")
    display.show(status(tiny, history, glance))
    display.note("said in [passing]")
    display.close()
    return out.getvalue()


def full() -> RunHistory:
    history = RunHistory(episodes=[(10, 20.0), (20, 90.0)])
    history.add_evaluation(20, [100.0])
    history.add_evaluation(30, [240.0])
    history.add_learning(20, 0.5, [10], 20)
    history.add_learning(30, 0.0134, [1000, 2000, 3000], 75)
    return history


def test_the_panel_shows_everything_a_person_asks_for(tiny) -> None:
    panel = drawn(tiny, full(), BufferGlance([0.5, 1.0, 8.0], [0, 3, 9]))

    for shown in (
        "192 / 384",
        "1,234 steps/s   600 updates/s",
        "recent 55   best 90   at random 25%",
        "last 240   best 240   goal 475 x 2",
        "0.0134   after 64 updates",
        "75 / 300 items",
        "median 2,000 steps   80 % 1,200 to 2,800",
        "median 1   highest 8",
        "mean 4   most 9",
        "1:05",
        "Ctrl-C stops",
    ):
        assert shown in panel


def test_what_is_not_known_yet_is_a_dash(tiny) -> None:
    panel = drawn(tiny, RunHistory(), BufferGlance([], []))

    assert "recent -   best -" in panel
    assert "use counts" in panel


def test_equal_values_have_a_shape_too(tiny) -> None:
    assert "median 1   highest 1" in drawn(tiny, RunHistory(), BufferGlance([1.0, 1.0], [2, 2]))


def test_the_last_panel_stays_without_the_hint_and_notes_stand_above_it(tiny) -> None:
    rows = drawn(tiny, full(), BufferGlance([], [])).splitlines()

    edges = [row for row in rows if "╰" in row]

    assert any("said in [passing]" in row for row in rows)
    assert "[b]" not in "".join(rows)
    assert "Ctrl-C" in edges[0]
    assert "Ctrl-C" not in edges[-1]


def test_everything_fits_into_eighty_columns(tiny) -> None:
    assert "…" not in drawn(tiny, full(), BufferGlance([0.5, 8.0], [3, 9]), width=80)


def test_a_narrow_terminal_cuts_the_text_and_keeps_the_frame(tiny) -> None:
    rows = drawn(tiny, full(), BufferGlance([1.0], [2]), width=60).splitlines()

    assert 60 == max(len(row) for row in rows if row.startswith("│"))
