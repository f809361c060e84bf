"""One contestant: a worker process in an environment of its own, asked over a pipe."""

from __future__ import annotations

import json
import os
import select
import subprocess
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

PATIENCE = 240  # seconds for one answer
ROOT = Path(__file__).resolve().parents[1]


class Contestant:
    """Starts its worker when it is first asked; ``close`` ends it."""

    def __init__(self, name: str, python: str, module: str, settings: dict[str, str] | None = None) -> None:
        self.name = name
        self._command = [python, "-m", "benchmarks.worker", module]
        self._settings = settings or {}
        self._process: subprocess.Popen[str] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def send(self, **message: Any) -> None:
        """Asks without waiting for the answer."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env={**os.environ, **self._settings},
                text=True,
            )
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # then there is no answer either, and that tells
                self._process.stdin.write(json.dumps(message) + "\n")
                self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Waits for the answer. A worker that died is started anew when the next question comes."""
        pipe: Any = self._process.stdout if self._process else None
        if self._process and not select.select([pipe], [], [], PATIENCE)[0]:
            self._process.kill()
            self.close()
            return {"failed": f"no answer for {PATIENCE} s"}
        line = pipe.readline() if pipe else ""
        if not line:
            return {"failed": f"its process ended with status {self.close()}"}
        reply: dict[str, Any] = json.loads(line)
        return reply

    def ask(self, **message: Any) -> dict[str, Any]:
        self.send(**message)
        return self.answer()

    def fresh(self) -> Contestant:
        """Returns the same contestant in a process of its own."""
        made = copy(self)
        made._process = None
        return made

    def close(self) -> int | None:
        """Ends the worker and returns its status."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.communicate()
        return process.returncode
