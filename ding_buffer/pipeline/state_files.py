"""How states are written, whole or not at all and inside their directory, and how a load is undone."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.publishing import UNFINISHED
from ding_buffer.buffers.snapshot import open_snapshot
from ding_buffer.buffers.whole_state import put_state, take_state
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.pipeline.persistent_state import PersistentStateMixin
from ding_buffer.storages.mending import insist

SUFFIX = ".snapshot"


def beside(path: str | PathLike[str]) -> Path:
    """Returns the name of the one file of a state: ``path`` with an ending more, whatever dots it has."""
    return Path(f"{Path(path)}{SUFFIX}")


def file_name(name: str) -> str:
    """Returns a text that names one file of a directory, never another directory, for any text.

    A name that could be a file's is itself, and no two names get the same.
    """
    plain = quote(name, safe=" !#$&'()+,;=@[]{}~^`")
    return plain.replace(".", "%2E") or "%" if set(plain) <= {"."} else plain


@contextmanager
def new_directory(path: str | PathLike[str]) -> Iterator[Path]:
    """Gives a directory to fill, which appears under its name when it is full.

    Raises ``FileExistsError`` where there is such a name, ``FileNotFoundError`` where there is no parent.
    """
    target = Path(path)
    if target.exists() or target.is_symlink():
        raise FileExistsError(f"{target} is there already: a state is never written over another.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no directory {target.parent} to write {target.name} into.")
    filling = target.with_name(f".{target.name}.{secrets.token_hex(8)}{UNFINISHED}")
    filling.mkdir()
    try:
        yield filling
        filling.rename(target)
    except BaseException:
        shutil.rmtree(filling)
        raise


@contextmanager
def open_state(path: Path, *keys: str) -> Iterator[dict[str, Any]]:
    """Gives the state of one file; raises ``CorruptSnapshot`` where it lacks one of the keys.

    Every ``CorruptSnapshot`` raised meanwhile is raised with the name of the file.
    """
    with open_snapshot(path) as state:
        missing = [key for key in keys if key not in state]
        if missing:
            raise CorruptSnapshot(f"it is the state of something else: {missing} is missing.")
        yield state


@contextmanager
def restoring(buffer: DequeBuffer) -> Iterator[None]:
    """Puts items, layers and generator back where the block raises; others wait until it is over."""
    store, layers = buffer.store, buffer._middleware
    with store.lock:
        before, noted = take_state(store, layers, copy=False), len(store.lock.pending)
        try:
            yield
        except BaseException:
            insist(lambda: put_state(store, layers, before))
            del store.lock.pending[noted:]  # nobody has left, whatever layers wanted to say
            raise


@contextmanager
def restoring_from_disk(held: PersistentStateMixin) -> Iterator[None]:
    """Takes back where the block raises what ``save_state`` writes now, to a temporary directory."""
    with TemporaryDirectory() as folder:
        before = Path(folder, "before")
        held.save_state(before)
        try:
            yield
        except BaseException:
            held.load_state(before)
            raise
