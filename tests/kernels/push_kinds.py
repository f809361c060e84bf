"""The implementations of the fast push that there are: in Python, and in C where it is built."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from ding_buffer.kernels import python_push

_compiled: Any = None
try:
    _compiled = importlib.import_module("ding_buffer.kernels.compiled")
except ImportError:
    pass

KINDS = [
    pytest.param(python_push, id="python"),
    pytest.param(_compiled, id="c", marks=pytest.mark.skipif(_compiled is None, reason="it is not built")),
]
