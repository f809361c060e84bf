"""Items as columns in files: more of them than fit into memory."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ding_buffer.storages.column_storage import ColumnStorage


class MemmapStorage(ColumnStorage):
    """A ``ColumnStorage`` whose rows lie in files of the folder ``path``, mapped into memory.

    The system keeps in memory what is in use and has room, and writes the rest to the disk; a file takes up
    as much of the disk as was written to it. Use a local disk, and a fast one: a sample reads from as many
    places as it has items. The folder is made when the first file is needed.

    The rows are this process's scratch memory: its files have no name, so they are gone when the storage is,
    however the process ends, and two storages can share a folder. What is to last is written by ``save_data``
    and read by ``load_data``. Objects and fields of varying length stay in memory, and so do metas, eight
    bytes each. A pickle or a deep copy has its rows in memory, until it is cleared.
    """

    def __init__(self, path: str | os.PathLike[str], spec: Any = None, *, layout: str = "compact") -> None:
        super().__init__(spec, layout=layout)
        self.path = Path(path)

    @property
    def _files(self) -> list[np.memmap[Any, Any]]:
        bases = [] if self._table is None else [table.base for table in self._table.tables]
        return [base for base in bases if isinstance(base, np.memmap)]

    def _allocate(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Returns a mapped file of zeros; raises ``OSError`` where the disk has not as much room."""
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if not size:
            return np.zeros(shape, dtype=dtype)
        self.path.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.path).free
        if size > free:
            # A mapped file that finds no room later ends the process without a word.
            raise OSError(
                f"{name} of {shape[0]:,} items takes {size:,} bytes; the disk of {self.path} has {free:,}."
            )
        with tempfile.TemporaryFile(dir=self.path) as file:
            file.truncate(size)
            made = np.memmap(file, dtype, "r+", 0, shape)
        if hasattr(mmap, "MADV_RANDOM"):
            # Neighbours of an item are rarely wanted: do not read them from the disk too.
            made._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
        return made

    def flush(self) -> None:
        """Writes to the disk what is not there yet, so that the system can use the memory at once."""
        for file in self._files:
            file.flush()

    def stats(self) -> dict[str, Any]:
        """Returns the bytes in memory and those of the files, for all slots."""
        counts, mapped = super().stats(), sum(file.nbytes for file in self._files)
        return {**counts, "bytes": counts["bytes"] - mapped, "file_bytes": mapped}
