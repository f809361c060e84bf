"""The kernels that run: those in C where they are built, else their numpy twin.

``DING_BUFFER_KERNELS=c`` or ``=numpy`` chooses, once, when this module is imported.
"""

from __future__ import annotations

import importlib
import logging
import os
from types import ModuleType
from typing import Any

import numpy as np

from ding_buffer.kernels.kernel_errors import KernelUnavailable
from ding_buffer.kernels.numpy_crc import crc32
from ding_buffer.kernels.numpy_distinct import draw_distinct, draw_starts, first_distinct
from ding_buffer.kernels.numpy_objects import read_texts, take_objects
from ding_buffer.kernels.numpy_priorities import power, set_priorities
from ding_buffer.kernels.numpy_rows import gather, scatter
from ding_buffer.kernels.numpy_scans import all_below, bounds, count_up
from ding_buffer.kernels.numpy_starts import enter_runs, leave_runs, link_many
from ding_buffer.kernels.numpy_steps import fold_rewards, n_step, relink, walk
from ding_buffer.kernels.numpy_tree import tree_draw, tree_sum, weighed_draw
from ding_buffer.kernels.python_push import FastPush, Mutex, RingCounter
from ding_buffer.kernels.python_stacker import Stacker
from ding_buffer.kernels.python_take import RowTaker, take_metas
from ding_buffer.kernels.python_tree_sums import TreeSums

__all__ = [
    "NAME",
    "NAMES",
    "WIDEST_TOP",
    "FastChoice",
    "FastExtend",
    "FastPush",
    "FastSample",
    "FastSteps",
    "FastUniform",
    "FastUpdate",
    "Mutex",
    "RingCounter",
    "RowTaker",
    "Stacker",
    "TreeSums",
    "all_below",
    "bounds",
    "count_up",
    "crc32",
    "draw_distinct",
    "draw_starts",
    "enter_runs",
    "first_distinct",
    "fold_rewards",
    "gather",
    "kernel_info",
    "leave_runs",
    "link_many",
    "n_step",
    "power",
    "read_texts",
    "relink",
    "scatter",
    "set_priorities",
    "take_metas",
    "take_objects",
    "tree_draw",
    "tree_sum",
    "walk",
    "weighed_draw",
]

# The layers themselves are what these are compared with: numpy has no shorter way.
FastChoice: Any = None
FastExtend: Any = None
FastSample: Any = None
FastSteps: Any = None
FastUniform: Any = None
FastUpdate: Any = None

NAMES = ("c", "numpy")
_SETTING = "DING_BUFFER_KERNELS"


def _choose(setting: str) -> tuple[ModuleType | None, str]:
    """Returns the extension for a value of the setting, None for the numpy kernels, and why it is those."""
    if setting and setting not in NAMES:
        raise ValueError(f"{_SETTING} must be one of {', '.join(NAMES)}, or not set; got {setting!r}")
    if setting == "numpy":
        return None, f"{_SETTING}=numpy"
    try:
        compiled = importlib.import_module("ding_buffer.kernels.compiled")
    except ImportError as error:
        if setting == "c":
            raise KernelUnavailable(
                f"{_SETTING}=c, but the C kernels cannot be loaded ({error}). Install a C compiler and then "
                f"ding_buffer again (pip install --no-cache-dir --force-reinstall --no-deps ding_buffer), or "
                f"leave {_SETTING} unset: numpy does the same, more slowly."
            ) from error
        why = f"the C kernels cannot be loaded ({error})"
        logging.getLogger("ding_buffer").info("ding_buffer runs on its numpy kernels: %s", why)
        return None, why
    return compiled, f"{_SETTING}=c" if setting else "they are built, and nothing else was asked for"


_COMPILED, _WHY = _choose(os.environ.get(_SETTING, ""))
NAME = "numpy" if _COMPILED is None else "c"
# How many nodes a sum tree best sums whole: one level more costs numpy several calls, and C next to nothing.
WIDEST_TOP = 4096 if _COMPILED is None else 256


def kernel_info() -> dict[str, Any]:
    """Returns which kernels run (``name``), ``why``, and how the extension was built where it is that."""
    info: dict[str, Any] = {"name": NAME, "why": _WHY, "numpy": np.__version__}
    if _COMPILED is not None:
        version = _COMPILED.LIMITED_API
        info |= {
            "file": _COMPILED.__file__,
            "compiler": _COMPILED.COMPILER,
            "vectors": _COMPILED.VECTORS,
            "abi": f"abi3, CPython {version >> 24}.{version >> 16 & 255} and later",
            "built_with_python": _COMPILED.BUILT_WITH_PYTHON,
            "built_with_numpy": _COMPILED.BUILT_WITH_NUMPY,
        }
    return info


if _COMPILED is not None:
    # The names and types of the twin, the functions of the extension.
    for _name in set(__all__) - {"NAME", "NAMES", "WIDEST_TOP", "crc32", "kernel_info"}:
        globals()[_name] = getattr(_COMPILED, _name)
    crc32 = getattr(_COMPILED, "crc32", crc32)  # not every processor can do it
