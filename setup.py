"""Builds the kernels in C where that is possible; everything else about the package is in pyproject.toml.

The extension is optional: without a compiler the package installs without it and runs on numpy.
``DING_BUFFER_BUILD_KERNELS=0`` leaves it out, ``=1`` takes a failing build for an error.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

ROOM = Path("ding_buffer", "kernels")
FLAGS = ["-O3", "-std=c11", "-ffp-contract=off", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-psabi"]


def kernels() -> list[Extension]:
    """Returns the extension, or nothing where it is not wanted or cannot be had."""
    if os.environ.get("DING_BUFFER_BUILD_KERNELS") == "0":
        return []
    if sysconfig.get_config_var("Py_GIL_DISABLED"):  # the limited API does not know it yet
        return []
    try:
        import numpy as np
    except ImportError:
        return []
    # Names for the debugger are five times as large as the code.
    flags = [*FLAGS, "-g0"] if "-fsanitize" not in os.environ.get("CFLAGS", "") else FLAGS
    return [
        Extension(
            "ding_buffer.kernels.compiled",
            sources=sorted(path.as_posix() for path in ROOM.glob("*.c")),
            depends=sorted(path.as_posix() for path in ROOM.glob("*.h")),
            include_dirs=[np.get_include()],
            define_macros=[("BUILT_WITH_NUMPY", f'"{np.__version__}"')],
            extra_compile_args=[] if sys.platform == "win32" else flags,
            py_limited_api=True,
            optional=os.environ.get("DING_BUFFER_BUILD_KERNELS") != "1",
        )
    ]


extensions = kernels()
setup(
    ext_modules=extensions,
    # One wheel for CPython 3.10 and all later ones.
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if extensions else {},
)
