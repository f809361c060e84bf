"""Threads beside a test, and how long it waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 120.0
"""Seconds after which something hangs: far more than anything here takes on however busy a machine."""


@contextmanager
def running(*calls: Callable[[], Any]) -> Iterator[list[Any]]:
    """Runs each in a thread of its own and joins them all; the list fills with what they return or raise."""
    results: list[Any] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001  # the test looks at it
            results.append(error)

    threads = [threading.Thread(target=run, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    yield results
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"


def until(ready: Callable[[], Any]) -> None:
    """Waits for what another thread does."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, "the other thread takes too long"
        time.sleep(0.0005)
