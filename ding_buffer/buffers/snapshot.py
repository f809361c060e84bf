"""A buffer in one file, safely: nothing in a file is ever executed, and a damaged one is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ding_buffer.buffers.array_file import ArrayFile, write_arrays
from ding_buffer.buffers.publishing import whole_file
from ding_buffer.buffers.table import pack, unpack
from ding_buffer.core.errors import CorruptSnapshot, MissingExtra
from ding_buffer.storages.row_pieces import RowPieces


def write_snapshot(
    path: str | PathLike[str],
    state: dict[str, Any],
    *,
    sync: bool = True,
    written: Callable[[], Any] | None = None,
) -> None:
    """Writes a nested state to one file; makes missing folders.

    It appears under its name only when it is whole: a crash leaves what was there before. ``sync`` waits
    until the disk has it; without, a crash of the system may leave a file that is damaged, which is told when
    it is read. ``written`` is called as soon as nobody reads the memory of the state any more. Raises
    ``BadArgument`` for a payload that cannot be written without code; then no file is touched.
    """
    arrays: list[np.ndarray | RowPieces] = []

    def save(array: np.ndarray | RowPieces) -> int:
        arrays.append(array)
        return len(arrays) - 1

    body = pack([state], save)
    with whole_file(path, sync=sync) as file:
        write_arrays(file, arrays, body)
        file.flush()
        if written is not None:
            written()


@contextmanager
def open_snapshot(path: str | PathLike[str]) -> Iterator[dict[str, Any]]:
    """Gives the state of a file; the rows of columns (``StoredArray``) are read when somebody wants them.

    Raises ``CorruptSnapshot`` where it is damaged or foreign, ``OSError`` where it cannot be read.
    """
    try:
        with Path(path).open("rb", buffering=0) as file, ArrayFile(file) as content:
            yield _state(content)
    except CorruptSnapshot as error:
        raise CorruptSnapshot(f"{path}: {error}") from error


def _state(content: ArrayFile) -> dict[str, Any]:
    try:
        (state,) = unpack(content.body, content.arrays.__getitem__)
    except (CorruptSnapshot, MissingExtra, MemoryError, OSError):
        raise
    except Exception as error:
        # Whoever made such a file up can make it raise anything.
        raise CorruptSnapshot(f"it is damaged, or no snapshot of a buffer: {error}.") from error
    if not isinstance(state, dict):
        raise CorruptSnapshot("it holds no state.")
    return state
