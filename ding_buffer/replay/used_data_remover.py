"""Files of used data, removed behind the back of whoever has done with them."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from ding_buffer.core.errors import BadArgument

Self = TypeVar("Self", bound="UsedDataRemover")
OnError = Callable[[Path, Exception], object]
_LOG = logging.getLogger("ding_buffer")
_REMEMBERED = 1000
_OUTCOMES = ("removed", "missing", "failed")


class UsedDataRemover:
    """Removes files by their paths, in a thread of its own and inside one directory only.

    ``directory`` (the working directory of this moment by default) is where all paths begin and what none may
    leave, links followed. The seed's remover gave whatever a sample said to a shell; here a path that leads
    out of the directory is refused with ``BadArgument`` when it is added, and looked at once more before the
    file goes. Only files are removed, of a link the link itself; a directory counts as failed.

    The thread runs from ``start`` to ``close`` and sleeps while there is nothing to do. What is added while
    it does not run waits for the next ``start`` or ``close``. A file that is gone already is counted
    (``stats()["missing"]``). What could not be removed is in ``failures`` and told ``on_error(path, error)``,
    in that thread; by default the logger "ding_buffer" is. An error of ``on_error`` ends the thread, and
    ``start`` or ``close`` goes on with the rest. Dropped or forgotten until the interpreter ends, it closes
    itself. Every method may be called by any thread.
    """

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, *, on_error: OnError | None = None
    ) -> None:
        self._work = _Removal(Path.cwd() if directory is None else Path(directory).resolve(), on_error)
        # The thread does not know this object: so that dropping it ends the thread.
        self._finish = weakref.finalize(self, self._work.close)

    @property
    def directory(self) -> Path:
        """Where files may be removed, links resolved."""
        return self._work.directory

    @property
    def running(self) -> bool:
        """Whether there is a thread."""
        return self._work.running

    def start(self) -> None:
        """Starts the thread; does nothing where there is one."""
        self._work.start()

    def close(self) -> None:
        """Removes what was added until now and ends the thread; returns when both is done.

        A second call finds nothing to do. ``start`` begins anew.
        """
        self._work.close()

    def add_used_data(self, data: Any) -> None:
        """Has a file removed: ``data`` is a mapping with its path as ``"data_id"``, or the path itself.

        A relative path begins in the directory. Raises ``BadArgument`` as ``path_of`` does; then nothing is
        added.
        """
        self._work.add(self.path_of(data))

    def path_of(self, data: Any) -> Path:
        """Returns the file that ``add_used_data`` would have removed.

        Raises ``BadArgument`` where ``data`` names none, and for a path that has ``..`` in it or leaves the
        directory.
        """
        path = data.get("data_id") if isinstance(data, Mapping) else data
        if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str) or not str(path):
            raise BadArgument(f"Used data is a dict with a path as 'data_id', or that path, got {data!r}.")
        return self._work.inside(Path(path))

    @property
    def failures(self) -> list[tuple[Path, Exception]]:
        """What could not be removed, and why; of very many the newest thousand."""
        return self._work.failures()

    def stats(self) -> dict[str, int]:
        """Returns how many files were added, and of these are waiting, removed, missing and failed."""
        return self._work.stats()

    def __enter__(self: Self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Removal:
    """What the thread works on."""

    def __init__(self, directory: Path, on_error: OnError | None) -> None:
        self.directory = directory
        self._on_error = _log if on_error is None else on_error
        self._queue: SimpleQueue[Path | None] = SimpleQueue()  # None: the end of a thread
        self._life = threading.RLock()
        self._thread: threading.Thread | None = None
        self._counting = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._failures: deque[tuple[Path, Exception]] = deque(maxlen=_REMEMBERED)

    @property
    def running(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def start(self) -> None:
        with self._life:
            if not self.running:
                # Daemonic: the end of the interpreter must not wait for a thread that nobody has told to end.
                self._thread = threading.Thread(target=self._run, name="used data remover", daemon=True)
                self._thread.start()

    def close(self) -> None:
        if threading.current_thread() is self._thread:
            self._queue.put(None)
            return
        with self._life:
            thread = self._thread
            if thread is not None:
                self._queue.put(None)
                thread.join()
                self._thread = None
            self._drain()

    def add(self, path: Path) -> None:
        with self._counting:
            self._counts["added"] += 1
        self._queue.put(path)

    def _run(self) -> None:
        while (path := self._queue.get()) is not None:
            self._remove(path)

    def _drain(self) -> None:
        """Removes what no thread was there for."""
        while True:
            try:
                path = self._queue.get_nowait()
            except Empty:
                return
            if path is not None:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            # Since it was added somebody may have put a link in its way.
            self.inside(path).unlink()
        except FileNotFoundError:
            self._count("missing")
        except (OSError, BadArgument) as error:
            with self._counting:
                self._counts["failed"] += 1
                self._failures.append((path, error.with_traceback(None)))
            self._on_error(path, error)
        else:
            self._count("removed")

    def _count(self, outcome: str) -> None:
        with self._counting:
            self._counts[outcome] += 1

    def inside(self, path: Path) -> Path:
        """Returns a path with all links but the last resolved; raises ``BadArgument`` where it leads out."""
        found = self.directory / path
        if ".." in path.parts:
            raise BadArgument(f"A path of used data has no '..' in it, got {str(path)!r}.")
        try:
            target, parent = found.resolve(), found.parent.resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise BadArgument(f"{str(path)!r} is no path of a file: {error}.") from error
        if self.directory not in target.parents or not parent.is_relative_to(self.directory):
            raise BadArgument(f"{str(path)!r} leaves {self.directory}, outside of which nothing is removed.")
        return parent / found.name

    def failures(self) -> list[tuple[Path, Exception]]:
        with self._counting:
            return list(self._failures)

    def stats(self) -> dict[str, int]:
        with self._counting:
            ended = {outcome: self._counts[outcome] for outcome in _OUTCOMES}
            added = self._counts["added"]
        return {"added": added, "waiting": added - sum(ended.values()), **ended}


def _log(path: Path, error: Exception) -> None:
    _LOG.warning("%s could not be removed: %s", path, error)
