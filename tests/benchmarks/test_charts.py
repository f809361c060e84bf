"""The pictures are drawn from whatever figures there are."""

from __future__ import annotations

import pytest

from benchmarks import charts
from benchmarks.contest import Figure, Results

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("draw", [charts.bars, charts.growth])
@pytest.mark.parametrize("names", [["ours_c", "cpprb", "ding"], ["ours_numpy"]], ids=["three", "alone"])
def test_a_picture_is_written(draw, names, tmp_path):
    keys = ["per 10k", "per 1M", "push", "threads adds/s", "samplers 1", "samplers 2"]
    figures = {key: {name: Figure.of([1.0 + place]) for place, name in enumerate(names)} for key in keys}
    draw(Results(figures=figures), tmp_path / "picture.png")
    assert b"\x89PNG" == (tmp_path / "picture.png").read_bytes()[:4]
