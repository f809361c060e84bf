"""One item of a buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, eq=False)
class BufferedData:
    """One item: the payload, the public key it is known by, and what is known about it.

    ``index`` is opaque, unique for the life of the process, and names the item until it leaves the buffer.
    ``meta`` is an ordinary dict. Two items are equal when they have the same index: payloads may be arrays,
    whose comparison has no truth value.
    """

    data: Any
    index: str
    meta: dict[str, Any]

    def __eq__(self, other: object) -> bool:
        return self.index == other.index if isinstance(other, BufferedData) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.index)
