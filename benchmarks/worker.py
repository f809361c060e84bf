"""Serves one contestant's works over a pipe: prepare this, run it for so long, say how long each call took.

Runs in the contestant's own environment: ``python -m benchmarks.worker benchmarks.peers.NAME``. Messages are
lines of JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import platform
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from itertools import repeat
from time import perf_counter
from typing import Any

from benchmarks.works import Absent, Work, Wrong

BLOCKS = 5  # figures that one run gives


def main() -> None:
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    server = Server(sys.argv[1])
    for line in sys.stdin:
        channel.write(json.dumps(server.answer(json.loads(line))) + "\n")
        channel.flush()


class Server:
    """Answers messages: ``{"do": "hello" | "prepare" | "run" | "drop", ...}``."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.adapter: Any = None
        self.work: Work | None = None

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            reply: dict[str, Any] = getattr(self, message.pop("do"))(**message)
        except Absent as reason:
            return {"absent": str(reason)}
        except Wrong as reason:
            return {"wrong": str(reason)}
        except Exception as error:  # noqa: BLE001 the coordinator reports it
            traceback.print_exc()
            return {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        return reply

    def hello(self) -> dict[str, Any]:
        self.adapter = importlib.import_module(self.module)
        versions = {name: _version(name) for name in self.adapter.PACKAGES}
        return {"versions": {"Python": platform.python_version(), **versions}}

    def prepare(self, work: str, arguments: dict[str, Any], tiny: dict[str, Any]) -> dict[str, Any]:
        """Makes a work, after the same at a tiny size has been checked and run."""
        self.drop()
        make: Callable[..., Work] | None = getattr(self.adapter, work, None)
        if make is None:
            raise Absent("has no such thing")
        if tiny:
            make(**tiny).check()
        self.work = make(**arguments)
        self.work.check()
        gc.collect()
        gc.freeze()  # what lies in the buffer is looked at no more
        return {}

    def run(self, kind: str, seconds: float) -> dict[str, Any]:
        if self.work is None:
            raise Wrong("run before prepare")
        if kind == "time":
            return {"values": timed(self.work.call, seconds)}
        return {"values": [self.work.call(seconds) if kind == "rate" else self.work.call()]}

    def drop(self) -> dict[str, Any]:
        self.work = None
        gc.unfreeze()
        gc.collect()
        return {}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "of this repository"


def timed(call: Callable[[], Any], seconds: float) -> list[float]:
    """Returns the microseconds of one call, one figure a block of calls, on one core."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    gc.disable()
    try:
        start = perf_counter()
        call()
        first = perf_counter() - start
        if first > seconds:
            return [first * 1e6]
        length = 1
        while (estimate := _block(call, length)) * length < seconds / 10:  # warms up as well
            length *= 4
        length = max(1, int(seconds / BLOCKS / estimate))
        return [_block(call, length) * 1e6 for _ in range(BLOCKS)]
    finally:
        gc.enable()
        if cores:
            os.sched_setaffinity(0, cores)


def _block(call: Callable[[], Any], length: int) -> float:
    start = perf_counter()
    for _ in repeat(None, length):
        call()
    return (perf_counter() - start) / length


if __name__ == "__main__":
    main()
