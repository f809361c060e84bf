"""A run so small that it ends within a second, away from any terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of a terminal decides on colours, width and whether a panel is redrawn."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The settings of a run of six iterations: 64 env steps and four training steps each."""
    return {
        "env": "CartPole-v1",
        "seed": 3,
        "steps": 384,
        "network": {"hidden": [16]},
        "collect": {"envs": 4, "steps": 16, "epsilon_steps": 200},
        "learn": {"batch_size": 16, "update_per_collect": 4, "min_size": 64, "nstep": 3},
        "eval": {"every": 192, "episodes": 2, "final_episodes": 3},
        "buffer": {
            "type": "deque",
            "size": 300,
            "middleware": ["use_time_check", "PriorityExperienceReplay"],
        },
    }


@pytest.fixture
def tiny_file(tiny: dict[str, Any], tmp_path: Path) -> Path:
    """The same as a YAML file whose run writes next to it."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({**tiny, "out": str(tmp_path / "runs")}), encoding="utf-8")
    return path
