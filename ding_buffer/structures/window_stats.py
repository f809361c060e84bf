"""Average, largest and smallest of the newest numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

_Part = tuple[float, float, float]
"""Sum, largest and smallest of some numbers."""


class WindowStats:
    """Numbers with a tick each, of which those of the last ``window`` ticks count.

    A tick is any number that does not fall: a step, a time. With T the newest tick added, a number of tick t
    counts while ``T - window < t``; ``forget`` lets go of more. Adding costs O(1) amortised, reading O(1).

    Two stacks, the older one with the statistics of each number and all newer ones in it: nothing is ever
    subtracted, so sums of ints are exact, sums of floats do not drift, and a NaN is gone when it has fallen
    out.
    """

    __slots__ = ("_new", "_new_part", "_old", "_old_parts", "window")

    def __init__(self, window: float) -> None:
        if isinstance(window, bool) or not isinstance(window, (int, float)) or not window > 0:
            raise ValueError(f"window must be a number above 0, got {window!r}.")
        self.window = window
        self._old: list[tuple[float, float]] = []  # newest first
        self._old_parts: list[_Part] = []
        self._new: list[tuple[float, float]] = []  # oldest first
        self._new_part: _Part | None = None

    def add(self, tick: float, value: float) -> None:
        """Takes a number in; raises ``ValueError`` for a tick before the last one."""
        newest = self.newest
        if newest is not None and not tick >= newest:
            raise ValueError(f"Ticks do not fall: {tick!r} came after {newest!r}.")
        self._new.append((tick, value))
        self._new_part = _joined(self._new_part, value)
        self._let_go(lambda oldest: not tick - self.window < oldest)

    def forget(self, before: float) -> None:
        """Lets go of every number of a tick below ``before``."""
        self._let_go(lambda oldest: oldest < before)

    def _let_go(self, is_out: Callable[[float], bool]) -> None:
        while self:
            if not self._old:
                if not is_out(self._new[0][0]):
                    return
                self._turn()
            if not is_out(self._old[-1][0]):
                return
            self._old.pop()
            self._old_parts.pop()

    def _turn(self) -> None:
        """Makes the newer stack the older one."""
        part: _Part | None = None
        while self._new:
            entry = self._new.pop()
            part = _joined(part, entry[1])
            self._old.append(entry)
            self._old_parts.append(part)
        self._new_part = None

    def __len__(self) -> int:
        return len(self._old) + len(self._new)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        """Goes through ticks and numbers, oldest first."""
        yield from reversed(self._old)
        yield from self._new

    @property
    def newest(self) -> float | None:
        """The last tick of what counts, None where nothing does."""
        if self._new:
            return self._new[-1][0]
        return self._old[0][0] if self._old else None

    @property
    def count(self) -> int:
        """How many numbers count."""
        return len(self)

    @property
    def avg(self) -> float | None:
        """Their mean, None where there are none."""
        part = self._part()
        return None if part is None else part[0] / len(self)

    @property
    def max(self) -> float | None:
        """The largest, None where there are none."""
        part = self._part()
        return None if part is None else part[1]

    @property
    def min(self) -> float | None:
        """The smallest, None where there are none."""
        part = self._part()
        return None if part is None else part[2]

    def _part(self) -> _Part | None:
        old, new = self._old_parts[-1] if self._old_parts else None, self._new_part
        if old is None or new is None:
            return new if old is None else old
        return old[0] + new[0], max(old[1], new[1]), min(old[2], new[2])


def _joined(part: _Part | None, value: float) -> _Part:
    if part is None:
        return value, value, value
    return part[0] + value, max(part[1], value), min(part[2], value)
