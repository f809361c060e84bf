"""What a saved state holds, read and checked but not yet stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Content(Protocol):
    """The items of a state, in whatever form a storage fills itself from."""

    def values(self, key: str) -> list[Any]:
        """Returns one meta key of every item, None where it has none."""


class ObjectContent(NamedTuple):
    """Items as a payload and a meta each."""

    payloads: list[Any]
    metas: list[dict[str, Any]]

    def values(self, key: str) -> list[Any]:
        """Returns one meta key of every item, None where it has none."""
        return [meta.get(key) for meta in self.metas]


def object_content(state: Mapping[str, Any], count: int, skipped: int) -> ObjectContent:
    """Reads a state of payloads and metas; raises ``ValueError`` where it does not fit together."""
    payloads, metas = list(state["data"]), list(state["meta"])
    if not len(payloads) == len(metas) == count or not all(isinstance(meta, dict) for meta in metas):
        raise ValueError(f"{count} serial numbers, {len(payloads)} payloads, {len(metas)} metas")
    return ObjectContent(payloads[skipped:], metas[skipped:])
