from __future__ import annotations

import inspect
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ding_buffer.kernels import (
    chosen,
    numpy_crc,
    numpy_distinct,
    numpy_objects,
    numpy_priorities,
    numpy_rows,
    numpy_scans,
    numpy_starts,
    numpy_steps,
    numpy_tree,
    python_take,
)
from ding_buffer.kernels.kernel_errors import KernelUnavailable

ROOT = Path(__file__).resolve().parents[2]
HIDE_THE_EXTENSION = """
import sys
sys.modules["ding_buffer.kernels.compiled"] = None
"""
SHOW = """
import logging
logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
from ding_buffer.kernels import chosen
from ding_buffer.samplers.proportional import ProportionalSampler
from ding_buffer.structures.sum_tree import SumTree
print(chosen.NAME, chosen.kernel_info()["why"], chosen.tree_draw.__module__)
"""


def run(code, setting=None):
    """What a fresh interpreter prints, and what it complains of."""
    environment = {key: value for key, value in os.environ.items() if key != "DING_BUFFER_KERNELS"}
    if setting is not None:
        environment["DING_BUFFER_KERNELS"] = setting
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    return done.stdout.strip(), done.stderr.strip()


def test_the_c_kernels_run_where_they_are_built(compiled):
    out, complaints = run(SHOW)
    assert "c they are built, and nothing else was asked for ding_buffer.kernels.compiled" == out
    assert "" == complaints


@pytest.mark.parametrize("setting", ["c", "numpy"])
def test_the_setting_chooses(compiled, setting):
    out, complaints = run(SHOW, setting)
    assert f"{setting} DING_BUFFER_KERNELS={setting}" == " ".join(out.split()[:2])
    assert "" == complaints


@pytest.mark.parametrize("setting", [None, ""])
def test_without_the_extension_numpy_does_it_and_says_so_once(setting):
    out, complaints = run(HIDE_THE_EXTENSION + SHOW, setting)
    assert out.startswith("numpy the C kernels cannot be loaded (")
    assert out.endswith(" ding_buffer.kernels.numpy_tree")
    assert complaints.startswith(
        "ding_buffer INFO ding_buffer runs on its numpy kernels: the C kernels cannot be"
    )
    assert 1 == len(complaints.splitlines())


def test_a_kernel_that_is_asked_for_and_not_there_says_what_to_do():
    out, complaints = run(HIDE_THE_EXTENSION + SHOW, "c")
    assert "" == out
    last = complaints.splitlines()[-1]
    assert last.startswith(
        "ding_buffer.kernels.kernel_errors.KernelUnavailable: DING_BUFFER_KERNELS=c, but the C"
    )
    assert last.endswith("leave DING_BUFFER_KERNELS unset: numpy does the same, more slowly.")


@pytest.mark.parametrize("setting", ["C", "numba", " "])
def test_another_kernel_is_refused_by_name(setting):
    with pytest.raises(
        ValueError, match=f"DING_BUFFER_KERNELS must be one of c, numpy, or not set; got '{setting}'"
    ):
        chosen._choose(setting)


def test_choosing_again_says_the_same(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "ding_buffer.kernels.compiled", None)
    with caplog.at_level(logging.INFO, "ding_buffer"):
        assert chosen._choose("")[0] is None
        assert 1 == len(caplog.records)
        with pytest.raises(KernelUnavailable, match="pip install"):
            chosen._choose("c")


def test_what_is_known_of_the_kernels_is_told(compiled):
    info = chosen.kernel_info()
    assert chosen.NAME == info["name"]
    if chosen.NAME == "c":
        assert {"abi", "built_with_numpy", "built_with_python", "compiler", "file", "vectors"} < set(info)
        assert "abi3, CPython 3.10 and later" == info["abi"]
        assert Path(info["file"]).exists()
    else:
        assert {"name", "numpy", "why"} == set(info)


def test_both_kernels_have_the_same_functions_with_the_same_arguments(compiled):
    twins = {
        name: function
        for module in (
            numpy_crc,
            numpy_distinct,
            numpy_objects,
            numpy_priorities,
            numpy_rows,
            numpy_scans,
            numpy_starts,
            numpy_steps,
            numpy_tree,
            python_take,
        )
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }

    built_in = dict(inspect.getmembers(compiled, inspect.isbuiltin))
    if "crc32" not in built_in:  # this processor cannot do it
        assert chosen.crc32 is twins.pop("crc32")
    assert set(twins) == set(built_in) - {"use_widest_vectors"}
    for name, function in twins.items():
        parameters = [list(inspect.signature(one).parameters) for one in (function, built_in[name])]
        assert parameters[0] == parameters[1]
        assert built_in[name].__doc__
        assert name in chosen.__all__
        assert {"c": built_in[name], "numpy": function}[chosen.NAME] is getattr(chosen, name)
