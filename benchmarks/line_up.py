"""Who takes part: ours on each kernel that is there, the limit, the peers."""

from __future__ import annotations

import importlib.util
import sys

from benchmarks.contestant import Contestant


def ours() -> list[Contestant]:
    """Returns ours on each kernel that is there."""
    kernels = ["numpy"]
    if importlib.util.find_spec("ding_buffer.kernels.compiled"):
        kernels.insert(0, "c")
    return [
        Contestant(f"ours_{kernel}", sys.executable, "benchmarks.ours", {"DING_BUFFER_KERNELS": kernel})
        for kernel in kernels
    ]


def limit() -> Contestant:
    return Contestant("limit", sys.executable, "benchmarks.peers.limit")


def peer(name: str, python: str) -> Contestant:
    return Contestant(name, python, f"benchmarks.peers.{name}", {"CUDA_VISIBLE_DEVICES": ""})
