"""Compiles torchrl's extension anew where its wheel was built for another torch.

The sources are those in the wheel itself. Without the extension torchrl has no prioritised replay.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path


def loads() -> bool:
    import torch  # noqa: F401 the extension needs its libraries

    try:
        import torchrl._torchrl  # noqa: F401
    except ImportError:
        return False
    return True


def build() -> None:
    from setuptools import Distribution
    from torch.utils.cpp_extension import BuildExtension, CppExtension

    found = importlib.util.find_spec("torchrl")
    if found is None or found.origin is None:
        raise SystemExit("error: torchrl is not installed")
    home = Path(found.origin).parent
    sources = home / "csrc"
    extension = CppExtension(
        "torchrl._torchrl",
        [str(sources / "pybind.cpp"), str(sources / "utils.cpp")],
        include_dirs=[str(sources)],
        extra_compile_args=["-O3"],
    )
    command = BuildExtension(Distribution({"name": "torchrl", "ext_modules": [extension]}), use_ninja=False)
    command.ensure_finalized()
    command.build_lib = str(home.parent)
    with tempfile.TemporaryDirectory() as folder:
        command.build_temp = folder
        command.run()


if __name__ == "__main__":
    if not loads():
        build()
