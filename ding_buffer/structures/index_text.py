"""Serial numbers as the opaque text that users see, and back."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

_HALF = 16
"""Hex digits of the prefix, and of the serial number after it."""


class IndexText:
    """Writes serial ``n`` as 32 hex digits: a random prefix nobody else has, then ``n``.

    A copy or a loaded store keeps the texts of the items it holds and writes new ones under a new prefix, so
    no two stores of a process ever hand out the same text. Each prefix reigns from one serial on; there are
    as many as there were loads.
    """

    def __init__(self) -> None:
        self._starts = [0]
        self._prefixes = [_fresh()]
        self.prefix = self._prefixes[-1]
        """What new texts begin with; the serial follows in 16 hex digits."""

    def begin(self, serial: int) -> None:
        """Writes serials from ``serial`` on under a new prefix."""
        while self._starts and self._starts[-1] >= serial:
            self._starts.pop()
            self._prefixes.pop()
        self._starts.append(serial)
        self._prefixes.append(_fresh())
        self.prefix = self._prefixes[-1]

    def write(self, serial: int) -> str:
        """Returns the text of a serial number."""
        if serial >= self._starts[-1]:
            return f"{self.prefix}{serial:016x}"
        return f"{self._prefixes[bisect_right(self._starts, serial) - 1]}{serial:016x}"

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the serials of many texts, int64; -1 for a text that was never written here."""
        try:
            raw = bytes.fromhex("".join(texts))
        except ValueError:
            raw = b""
        if len(raw) != _HALF * len(texts):
            return np.array([self.read_one(text) for text in texts], dtype=np.int64)
        halves = np.frombuffer(raw, dtype=">u8").reshape(-1, 2)
        serials = halves[:, 1].astype(np.int64)
        prefixes = np.array([int(prefix, 16) for prefix in self._prefixes], dtype=np.uint64)
        if len(prefixes) == 1:
            own = halves[:, 0] == prefixes[0]
        else:
            era = np.searchsorted(self._starts, serials, side="right") - 1
            own = halves[:, 0] == prefixes[np.maximum(era, 0)]
        return np.where(own & (serials >= 0), serials, -1)

    def read_one(self, text: str) -> int:
        """Returns the serial of one text, -1 where it was never written here."""
        try:
            serial = int(text[_HALF:], 16)
        except ValueError:
            return -1
        return serial if serial >= 0 and self.write(serial) == text else -1

    def state_dict(self) -> dict[str, Any]:
        """Returns the prefixes and where each begins."""
        return {"starts": list(self._starts), "prefixes": list(self._prefixes)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes prefixes back; the texts of the old serials are the saved ones."""
        starts, prefixes = (
            [int(start) for start in state["starts"]],
            [str(prefix) for prefix in state["prefixes"]],
        )
        if len(starts) != len(prefixes) or not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise ValueError("the prefixes of the saved indices do not fit together")
        if any(len(prefix) != _HALF or set(prefix) - set("0123456789abcdef") for prefix in prefixes):
            raise ValueError("a prefix of the saved indices is not 16 hex digits")
        self._starts, self._prefixes = starts, prefixes
        self.prefix = prefixes[-1]


def _fresh() -> str:
    return os.urandom(_HALF // 2).hex()
