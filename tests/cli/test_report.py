from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")
from matplotlib.image import imread

from ding_buffer.cli.history import RunHistory
from ding_buffer.cli.report import ReportText, draw_report
from ding_buffer.cli.sample_probe import BufferGlance


def picture(tmp_path, name, history, glance, goal=None):
    path = tmp_path / "deep" / f"{name}.png"
    draw_report(path, ReportText("headline", "result", goal), history, glance)
    return imread(path)


def full() -> RunHistory:
    history = RunHistory(episodes=[(step, float(step % 50)) for step in range(0, 1000, 10)])
    history.add_evaluation(500, [10.0, 90.0])
    history.add_evaluation(1000, [400.0, 500.0])
    for step in range(100, 1000, 100):
        history.add_learning(step, 0.5, [step // 2, step], step)
    return history


def test_a_run_becomes_a_picture(tmp_path) -> None:
    glance = BufferGlance([0.01 * place for place in range(100)], [place % 17 for place in range(100)])
    drawn = picture(tmp_path, "full", full(), glance, goal=475.0)

    assert (1040, 1560) == drawn.shape[:2]
    assert drawn.std() > 0.01


@pytest.mark.parametrize(
    "glance",
    [BufferGlance([], []), BufferGlance([1.0, 1.0], [0, 0]), BufferGlance([0.0], [5000])],
    ids=["nothing known", "all equal", "no priority above zero"],
)
def test_a_run_that_has_hardly_begun_becomes_a_picture_too(tmp_path, glance) -> None:
    short = RunHistory(episodes=[(10, 5.0)])

    assert (1040, 1560) == picture(tmp_path, "empty", RunHistory(), glance).shape[:2]
    assert (1040, 1560) == picture(tmp_path, "short", short, glance).shape[:2]
