"""Pickles of plain values, read without running anything."""

from __future__ import annotations

import pickle
from collections import deque
from os import PathLike
from pathlib import Path
from typing import Any

from ding_buffer.core.errors import CorruptSnapshot

# By their exact names. Each only makes a value; none of them calls anything it is given.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("builtins", "bytearray"): bytearray,
    ("builtins", "complex"): complex,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "set"): set,
    ("collections", "deque"): deque,
}


class PlainUnpickler(pickle.Unpickler):
    """Makes numbers, texts, bytes, None, and lists, tuples, dicts, sets and deques of them; nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns one of the few containers that a pickle names; refuses whatever else it names."""
        module = {"__builtin__": "builtins"}.get(module, module)  # as protocols before 3 call it
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise CorruptSnapshot(
                f"it names {module}.{name}, which is not loaded: a pickle can run anything. Only files with "
                "plain values are taken over from PAMIQ-Core."
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        """Refuses references to what lies outside the file."""
        raise CorruptSnapshot("it refers to something outside.")


def read_plain_pickle(path: str | PathLike[str]) -> Any:
    """Returns the value of a pickle file; no code in it is ever run.

    Raises ``CorruptSnapshot`` for anything but plain values, and where it is damaged or does not fit into
    memory.
    """
    with Path(path).open("rb") as file:
        try:
            return PlainUnpickler(file).load()
        except CorruptSnapshot as error:
            raise CorruptSnapshot(f"{path}: {error}") from None
        except OSError:
            raise
        except Exception as error:
            # Whoever made such a file up can make it raise anything, MemoryError as well.
            raise CorruptSnapshot(
                f"{path}: it is damaged, or no pickle: {type(error).__name__}: {error}"
            ) from error
