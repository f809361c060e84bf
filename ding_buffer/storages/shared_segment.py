"""Memory that processes find by name, and that goes when the last of them leaves."""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import secrets
import tempfile
import time
import weakref
from collections.abc import Callable
from multiprocessing import util
from pathlib import Path
from typing import Any

import numpy as np

from ding_buffer.core.errors import BadArgument

PREFIX = "ding_buffer-"
"""How the names that nobody chose begin."""
_FOLDER = Path("/dev/shm")
"""The folder of POSIX shared memory, whose names these are."""


class SharedSegment:
    """A file in memory, mapped by every process that uses it.

    The kernel keeps the books: who is attached holds a shared ``flock`` on the file, who writes as number k
    an exclusive one on a file of its own beside it, and a process that dies in whatever way loses both.
    Whoever leaves and finds nobody else removes the files. If all are killed at once they remain, until
    somebody attaches and leaves, or makes a segment of the same name; ones with a random name are removed by
    whoever makes the next.

    ``multiprocessing.resource_tracker`` knows nothing of it: it would remove the memory when the process that
    made it ends. A child made by ``fork`` is attached by itself, and writes as nobody.
    """

    def __init__(self, name: str, descriptor: int, memory: mmap.mmap) -> None:
        self.name = name
        self.path = _folder() / name
        # It holds the lock. The mapping has been made of another one, which a forked child inherits.
        self._descriptor: int | None = descriptor
        self._memory = memory
        self._claims: dict[int, int] = {}
        self.size = len(memory)
        self._owner: Callable[[], Any] = _nobody
        _FORKED.add(self)

    def serve(self, owner: Any) -> None:
        """Leaves when ``owner`` is collected or the process ends."""
        self._owner = weakref.ref(owner)
        self._leave_with(owner)
        # A process of multiprocessing forgets the finalizers it inherits, after the hook of fork has run.
        util.register_after_fork(owner, self._leave_with)

    def _leave_with(self, owner: Any) -> None:
        # Not weakref.finalize: a process that multiprocessing forked ends without atexit.
        util.Finalize(owner, self.leave, exitpriority=0)

    @classmethod
    def create(cls, name: str | None, size: int, fill: Callable[[SharedSegment], None]) -> SharedSegment:
        """Makes a segment of ``size`` zero bytes; others can find it once ``fill`` has written to it.

        Raises ``BadArgument`` for a name in use, ``OSError`` where there is not as much memory.
        """
        for path in _folder().glob(f"{PREFIX}*"):
            if ".writer" not in path.name:
                _remove_stale(path)
        name = f"{PREFIX}{secrets.token_hex(8)}" if name is None else checked_name(name)
        descriptor, reached = _unnamed_file()
        try:
            _reserve(descriptor, size)
            made = cls(name, _locked(reached), mmap.mmap(descriptor, size))
            try:
                fill(made)
                made._publish(reached)
            except BaseException:
                made.leave()
                raise
        finally:
            os.close(descriptor)
            if not reached.startswith("/proc"):
                Path(reached).unlink()
        return made

    def _publish(self, reached: str) -> None:
        folder = os.open(_folder(), os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._link(reached, folder)
        finally:
            os.close(folder)

    def _link(self, reached: str, folder: int) -> None:
        try:
            # A directory, which an absolute path does not need, makes the call one that follows links.
            os.link(reached, self.path, src_dir_fd=folder, follow_symlinks=True)
        except FileExistsError:
            if _remove_stale(self.path):
                self._link(reached, folder)
                return
        else:
            return
        raise BadArgument(
            f"There is shared memory named {self.name!r} already, and it is in use. "
            f"Attach to it, or choose another name."
        )

    @classmethod
    def attach(cls, name: str, wait: float = 0.0) -> SharedSegment:
        """Returns the segment of a name; waits up to so many seconds for it to be made.

        Raises ``BadArgument`` where there is none.
        """
        path = _folder() / checked_name(name)
        deadline = time.monotonic() + wait
        while True:
            descriptor = _opened(path)
            if descriptor is not None:
                try:
                    return cls(name, descriptor, _mapped(path))
                except BaseException:
                    os.close(descriptor)  # or its lock would keep the memory while this process lives
                    raise
            if time.monotonic() >= deadline:
                raise BadArgument(
                    f"There is no shared memory named {name!r}: nobody has made it yet, or the last one who "
                    f"used it has left."
                )
            time.sleep(0.005)

    def array(self, offset: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Returns a piece of the memory as an array, which keeps the memory mapped."""
        made: np.ndarray = np.ndarray(shape, np.dtype(dtype), self._memory, offset)
        return made

    def write(self, head: bytes) -> None:
        """Writes the beginning of the memory."""
        self._memory[: len(head)] = head

    def claims(self, writer: int) -> bool:
        """Tells whether this process is writer k."""
        return writer in self._claims

    def claim(self, writer: int) -> bool:
        """Makes this process writer k; returns False where another process, or this one, is it."""
        descriptor = os.open(self._claim_path(writer), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._claims[writer] = descriptor
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return False
            raise
        return True

    def _claim_path(self, writer: int) -> Path:
        return self.path.with_name(f"{self.name}.writer{writer}")

    @property
    def attached(self) -> bool:
        """Whether this process has not left."""
        return self._descriptor is not None

    def leave(self) -> None:
        """Gives up claims and attachment, and removes the files where nobody else is attached.

        The memory stays mapped while arrays of it live.
        """
        self._give_up_claims()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                # A lock that is changed is given up first: of two that leave at once, the later finds nobody.
                _unlink_where_alone(descriptor, self.path)
            finally:
                os.close(descriptor)

    def _give_up_claims(self) -> None:
        while self._claims:
            os.close(self._claims.popitem()[1])  # never twice: the number may be another file's by then

    def _forked(self) -> None:
        """In a child: shares no lock with the parent any more."""
        self._give_up_claims()
        if self._descriptor is not None:
            inherited, self._descriptor = self._descriptor, _opened(self.path)
            os.close(inherited)
            owner = self._owner()
            if owner is not None:
                self._leave_with(owner)


_FORKED: weakref.WeakSet[SharedSegment] = weakref.WeakSet()


def _after_fork() -> None:
    for segment in list(_FORKED):
        segment._forked()


os.register_at_fork(after_in_child=_after_fork)


def _nobody() -> None:
    return None


def checked_name(name: str) -> str:
    """Returns a name that a file can have; raises ``BadArgument`` for another."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}", name):
        raise BadArgument(f"A name of shared memory is made of letters, digits and _.-, got {name!r}.")
    return name


def _folder() -> Path:
    return _FOLDER if _FOLDER.is_dir() else Path(tempfile.gettempdir())


def _unnamed_file() -> tuple[int, str]:
    """Returns a descriptor of a new file that nobody can find, and the path by which to link it."""
    if hasattr(os, "O_TMPFILE"):
        descriptor = os.open(_folder(), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        return descriptor, f"/proc/self/fd/{descriptor}"
    return tempfile.mkstemp(prefix=".making-", dir=_folder())


def _reserve(descriptor: int, size: int) -> None:
    """Sets the memory aside at once: where it ran out later the process would be killed without a word."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.ftruncate(descriptor, size)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{size:,} bytes of shared memory are not to be had in {_folder()} ({error.strerror}). Make it "
            f"larger (docker run --shm-size=...), or the buffer smaller.",
        ) from error


def _opened(path: Path) -> int | None:
    """Returns a descriptor of the file with the lock of one who is attached; None where there is no file."""
    try:
        descriptor = _locked(path)
    except FileNotFoundError:
        return None
    if _is_at(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _locked(path: str | Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _mapped(path: Path) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return mmap.mmap(descriptor, 0)
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove_stale(path: Path) -> bool:
    """Removes a segment to which nobody is attached; returns whether there is none now."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    try:
        return _unlink_where_alone(descriptor, path)
    finally:
        os.close(descriptor)


def _unlink_where_alone(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if _is_at(descriptor, path):
        for claim in path.parent.glob(f"{path.name}.writer*"):
            claim.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return True
