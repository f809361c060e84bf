"""Serial numbers as the opaque text that users see, and back."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from ding_buffer.kernels.chosen import read_texts

_HALF = 16
"""Hex digits of the prefix, and of the serial number after it."""
FIRST = 1 << 60
"""Serial 0 is written as this number: so every serial has 16 hex digits, and none needs to be padded."""
PAGE = 1 << 12
LAST_DIGITS = tuple(f"{number:03x}" for number in range(PAGE))
"""How the texts of one page end: so many consecutive serials share all digits but the last three."""


class IndexText:
    """Writes serial ``n`` as 32 hex digits: a random prefix nobody else has, then ``FIRST + n``.

    A copy or a loaded store keeps the texts of the items it holds and writes new ones under a new prefix, so
    no two stores of a process ever hand out the same text. Each prefix reigns from one serial on; there are
    as many as there were loads.
    """

    def __init__(self) -> None:
        self._use([0], [_fresh()])

    def _use(self, starts: list[int], prefixes: list[str]) -> None:
        numbers = np.array([int(prefix, 16) for prefix in prefixes], dtype=np.uint64).astype(np.int64)
        self._starts, self._prefixes, self._numbers = starts, prefixes, numbers

    def begin(self, serial: int) -> None:
        """Writes serials from ``serial`` on under a new prefix."""
        kept = sum(start < serial for start in self._starts)
        self._use([*self._starts[:kept], serial], [*self._prefixes[:kept], _fresh()])

    @property
    def prefix(self) -> str:
        """What new texts begin with, 16 hex digits."""
        return self._prefixes[-1]

    def write(self, serial: int) -> str:
        """Returns the text of a serial number."""
        return f"{self._prefixes[bisect_right(self._starts, serial) - 1]}{serial + FIRST:x}"

    def page(self, serial: int) -> str:
        """Returns what the text of a new serial and of all to come on its page begin with.

        ``page(n) + LAST_DIGITS[n % PAGE]`` is ``write(n)``, several times faster.
        """
        return f"{self._prefixes[-1]}{(serial + FIRST) // PAGE:x}"

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the serials of many texts, int64; negative for a text that was never written here."""
        if len(self._prefixes) == 1:
            read = read_texts(texts if type(texts) is list else list(texts), self._prefixes[0])
            if read is not None:
                return read
        joined = "".join(texts)
        try:
            raw = bytes.fromhex(joined)
        except ValueError:
            raw = b""
        # fromhex takes capitals and blanks too, and joined texts do not show where one ends.
        plain = 2 * len(raw) == len(joined) and joined == joined.lower()
        if not plain or not {2 * _HALF}.issuperset(map(len, texts)):
            return np.array([self.read_one(text) for text in texts], dtype=np.int64)
        prefixes, numbers = np.frombuffer(raw, dtype=">i8").astype(np.int64).reshape(-1, 2).T
        serials: np.ndarray = numbers - FIRST
        if len(self._numbers) == 1:
            own = prefixes == self._numbers[0]
            if own.all():
                return serials
        else:
            reign = np.searchsorted(self._starts, serials, side="right") - 1
            own = prefixes == np.take(self._numbers, reign, mode="clip")
        known: np.ndarray = np.where(own, serials, -1)
        return known

    def read_one(self, text: str) -> int:
        """Returns the serial of one text, -1 where it was never written here."""
        try:
            serial = int(text[_HALF:], 16) - FIRST
        except ValueError:
            return -1
        return serial if 0 <= serial < FIRST and self.write(serial) == text else -1

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
        self._use(starts, prefixes)


def _fresh() -> str:
    return os.urandom(_HALF // 2).hex()
