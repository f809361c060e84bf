"""Pushes a list of payloads in as few calls as the buffer allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def push_all(buffer: Any, payloads: Sequence[Any], meta: Sequence[dict[str, Any]] | None = None) -> None:
    """Pushes every payload, with one meta dict each if given: in one ``extend``, or one by one without it."""
    if len(payloads) == 0:
        return
    if hasattr(buffer, "extend"):
        buffer.extend(list(payloads), meta=meta)
        return
    for place, payload in enumerate(payloads):
        buffer.push(payload, meta=None if meta is None else meta[place])
