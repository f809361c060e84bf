from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ding_buffer.replay as replay

ROOT = Path(__file__).resolve().parents[2]


def test_the_names_of_the_original_are_there() -> None:
    assert {
        "AdvancedReplayBuffer",
        "DequeBufferWrapper",
        "ElasticReplayBuffer",
        "EpisodeReplayBuffer",
        "IBuffer",
        "NaiveReplayBuffer",
        "PeriodicThruputMonitor",
        "SampledDataAttrMonitor",
        "SequenceReplayBuffer",
        "ThruputController",
        "UsedDataRemover",
        "generate_id",
    } == set(replay.__all__)


@pytest.mark.parametrize("name", replay.__all__)
def test_every_name_gives_what_it_says(name: str) -> None:
    assert name == getattr(replay, name).__name__


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'OtherBuffer'"):
        replay.OtherBuffer  # noqa: B018


def test_asking_for_nothing_imports_nothing_and_a_buffer_needs_no_extra() -> None:
    code = (
        "import sys, ding_buffer.replay\n"
        "print(*[name for name in sys.modules if name.startswith('ding_buffer.replay.')], 'end')\n"
        "ding_buffer.replay.AdvancedReplayBuffer().push([{'obs': 1}], 0)\n"
        "print(*[name for name in ('torch', 'pydantic', 'yaml') if name in sys.modules], 'end')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ["end", "end"] == done.stdout.split()
