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

from ding_buffer.buffers.snapshot import open_snapshot, write_snapshot
from ding_buffer.core.errors import CorruptSnapshot

SUFFIX = ".snapshot"


def beside(path: str | PathLike[str]) -> Path:
    """Returns the name of the one file of a state: ``path`` with an ending more, whatever dots it has."""
    target = Path(path)
    return target.with_name(target.name + SUFFIX)


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
    filling = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    filling.mkdir()
    try:
        yield filling
        filling.rename(target)
    except BaseException:
        shutil.rmtree(filling)
        raise


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Writes a state to one file."""
    write_snapshot(path, state)


def read_state(path: Path, *keys: str) -> dict[str, Any]:
    """Returns the state of one file; raises ``CorruptSnapshot`` where it lacks one of the keys."""
    with open_snapshot(path) as state:
        missing = [key for key in keys if key not in state]
        if missing:
            raise CorruptSnapshot(f"{path}: it is the state of something else: {missing} is missing.")
        return state
