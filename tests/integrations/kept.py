"""A buffer that keeps what it is told as it was told."""

from __future__ import annotations

from typing import Any


class KeptCalls:
    """Knows ``extend`` only, and takes columns only; ``fails`` is raised by the call of that number."""

    def __init__(self, fails: dict[int, Exception] | None = None) -> None:
        self.calls: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._fails = fails or {}

    def extend(self, batch: dict[str, Any], meta: dict[str, Any] | None = None) -> None:
        error = self._fails.pop(len(self.calls), None)
        if error is not None:
            raise error
        self.calls.append((batch, dict(meta or {})))

    def transitions(self) -> list[dict[str, Any]]:
        """Every payload with its meta, in the order in which they came."""
        return [
            {**row_of(columns, row), **{key: one_of(values, row) for key, values in meta.items()}}
            for columns, meta in self.calls
            for row in range(len(meta["env"]))
        ]


def row_of(columns: Any, row: int) -> Any:
    if isinstance(columns, dict):
        return {key: row_of(part, row) for key, part in columns.items()}
    if isinstance(columns, tuple):
        return tuple(row_of(part, row) for part in columns)
    return columns[row]


def one_of(values: Any, row: int) -> Any:
    return values[row] if hasattr(values, "__len__") and not isinstance(values, str) else values
