"""Leaves out the tests of libraries that are not installed."""

from __future__ import annotations

from importlib.util import find_spec

_OF_GYMNASIUM = ["test_batched_space.py", "test_gymnasium_vector.py", "test_vector_step.py"]

collect_ignore = [] if find_spec("gymnasium") else _OF_GYMNASIUM
