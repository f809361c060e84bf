"""Makes one environment a peer, `.venv-peers-NAME`, and remembers why one could not be made.

torch is installed first and from wherever pip finds it, or from TORCH_INDEX. ``DI-engine`` comes without its
dependencies: it asks for an old numpy, and its buffer needs few of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.contestant import ROOT

TORCH = ("-c", "constraints.txt", "torch")

# For each peer the arguments of one `pip install` after the other.
PEERS: dict[str, list[tuple[str, ...]]] = {
    "cpprb": [("cpprb==11.0.0",)],
    "torchrl": [TORCH, ("torchrl==0.14.1", "setuptools")],
    "tianshou": [TORCH, ("tianshou==2.0.1",)],
    "sb3": [TORCH, ("stable-baselines3==2.9.2",)],
    "ding": [TORCH, ("numpy", "numba", "hickle", "DI-toolkit"), ("--no-deps", "DI-engine==0.5.3")],
}
AFTERWARDS = {"torchrl": "benchmarks.peers.torchrl_extension"}


def prepare(name: str, root: Path, index: str = "") -> tuple[str, str]:
    """Returns the interpreter of a peer's environment, made if need be, and why it cannot be used, if so."""
    folder = root / f".venv-peers-{name}"
    python, stamp = folder / "bin" / "python", folder / ".made"
    asked = repr((PEERS[name], AFTERWARDS.get(name)))
    if not (stamp.exists() and stamp.read_text() == asked):
        trouble = _make(name, folder, python, index)
        if trouble:
            return str(python), trouble
        stamp.write_text(asked)
    return str(python), ""


def _make(name: str, folder: Path, python: Path, index: str) -> str:
    venv.create(folder, with_pip=True, symlinks=os.name != "nt", clear=not os.access(python, os.X_OK))
    for wanted in PEERS[name]:
        extra = ("--extra-index-url", index) if index and wanted is TORCH else ()
        trouble = _run([str(python), "-m", "pip", "install", "--quiet", *extra, *wanted])
        if trouble:
            return f"pip install {' '.join(wanted)}: {trouble}"
    if name in AFTERWARDS:
        return _run([str(python), "-m", AFTERWARDS[name]])
    return ""


def _run(command: list[str]) -> str:
    """Returns nothing, or the last error in one line, without addresses and paths."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["it failed"]
    print(done.stderr, file=sys.stderr)
    return re.sub(r"(\w+://|/)\S+", "...", errors[-1]).strip()[:200]
