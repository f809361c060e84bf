"""`import ding_buffer` stays light: it loads numpy, easydict and the standard library, nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "click",
    "gymnasium",
    "h5py",
    "matplotlib",
    "pydantic",
    "ray",
    "rich",
    "tensorboard",
    "torch",
    "treetensor",
    "treevalue",
    "yaml",
}


def packages_loaded_by(statement: str) -> set[str]:
    """Runs a statement in a fresh interpreter and returns the top-level names in its `sys.modules`."""
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_none_of_the_extras() -> None:
    assert set() == HEAVY & packages_loaded_by("import ding_buffer")


def test_importing_the_package_adds_numpy_and_easydict_and_nothing_else_from_outside() -> None:
    beforehand = packages_loaded_by("pass")
    # What numpy brings of its own differs: 1.26 registers the runtime of Cython under names of its own.
    numpy_alone = packages_loaded_by("import numpy, numpy.random")
    added = packages_loaded_by("import ding_buffer") - beforehand - numpy_alone - set(sys.stdlib_module_names)

    assert set() == added - {"ding_buffer", "easydict"}


def test_a_buffer_with_layers_works_without_loading_any_of_the_extras() -> None:
    use = (
        "from ding_buffer import DequeBuffer\n"
        "from ding_buffer.middleware import PriorityExperienceReplay, clone_object\n"
        "buffer = DequeBuffer(size=4, seed=0)\n"
        "buffer.use(clone_object()).use(PriorityExperienceReplay())\n"
        "buffer.push({'obs': 1}, meta={'priority': 1.0})\n"
        "buffer.sample(1)\n"
    )

    assert set() == HEAVY & packages_loaded_by(use)
