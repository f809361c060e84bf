"""A file that others see whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from os import PathLike
from pathlib import Path

UNFINISHED = ".part"
"""How the name of a file ends while it is being written; it begins with a dot."""


@contextmanager
def whole_file(path: str | PathLike[str], *, sync: bool = True) -> Iterator[BufferedWriter]:
    """Gives a file to write to, which appears under its name when the block has ended well.

    Makes missing folders. Until then, and after an error, what was there before is there. ``sync`` waits
    until the disk has it; without, a crash of the system may leave a damaged file under the name.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}{UNFINISHED}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
