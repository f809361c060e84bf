from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ding_buffer import pipeline

ROOT = Path(__file__).resolve().parents[2]


def test_every_name_is_there_and_is_called_so():
    assert sorted(pipeline._HOMES) == pipeline.__all__ == sorted(pipeline.__all__)
    for name in set(pipeline.__all__) - {"BufferData", "StepData"}:  # those are names of other types
        assert name == getattr(pipeline, name).__name__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        pipeline.Nothing  # noqa: B018


def test_the_rest_of_the_package_does_not_bring_it():
    code = "import sys, ding_buffer\nprint(any('pipeline' in name for name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "False" == ran.stdout.strip()
