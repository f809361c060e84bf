"""Where states are written: whole or not at all, and never outside the directory they belong to."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ding_buffer.buffers.publishing import UNFINISHED
from ding_buffer.buffers.snapshot import open_snapshot
from ding_buffer.core.errors import CorruptSnapshot

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
