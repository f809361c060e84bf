"""Curves for TensorBoard, written by its own package."""

from __future__ import annotations

import threading
from os import PathLike, fspath
from typing import Any

from ding_buffer.core.errors import BadArgument, MissingExtra


class ScalarWriter:
    """TensorBoard's own writer of scalars for one folder, made with the first scalar.

    Until then nothing is on the disk. Safe to use from many threads. After ``close`` a further scalar begins
    a new file in the same folder, which TensorBoard shows as the same curves; so does a pickled copy.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        if not isinstance(path, (str, PathLike)):
            raise BadArgument(f"path must be a str or a path, got {path!r}.")
        self._path = fspath(path)
        _load()
        self._writer: Any = None
        self._lock = threading.Lock()

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Adds a point to the curve of this tag; it is on the disk within two minutes, or with ``flush``."""
        with self._lock:
            if self._writer is None:
                self._writer = _load().Writer(self._path)
            self._writer.add_scalar(tag, value, step)

    def flush(self) -> None:
        """Waits until all points are on the disk."""
        with self._lock:
            if self._writer is not None:
                self._writer.flush()

    def close(self) -> None:
        """Writes all points and ends the file and the thread that writes it; a second time does nothing."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()

    def __enter__(self) -> ScalarWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return ScalarWriter, (self._path,)

    def __repr__(self) -> str:
        return f"ScalarWriter({self._path!r})"


def _load() -> Any:
    try:
        from tensorboard import summary
    except ImportError as error:
        raise MissingExtra.of("tensorboard", "tensorboard") from error
    return summary


def summary_writer(path: str | PathLike[str]) -> ScalarWriter:
    """Returns a writer of TensorBoard curves into a folder, which is made with the first of them.

    Give it to ``monitor(to=...)`` or as the ``tb_logger`` of a buffer, close it at the end, and look with
    ``tensorboard --logdir``. Needs no torch. Raises ``MissingExtra`` without tensorboard.
    """
    return ScalarWriter(path)
