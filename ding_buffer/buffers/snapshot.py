"""A buffer in one file, safely: nothing in a file is ever executed, and a damaged one is told."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ding_buffer.buffers.table import pack, unpack
from ding_buffer.core.errors import CorruptSnapshot

_FORMAT = "ding_buffer snapshot"
_VERSION = 1
_MANIFEST = "manifest.json"


def write_snapshot(path: str | PathLike[str], state: dict[str, Any]) -> None:
    """Writes a nested state to one file; makes missing folders.

    The file is a zip archive of plain arrays (``.npy``) and one JSON text. It appears under its name only
    when it is whole: a crash leaves what was there before. Raises ``BadArgument`` for a payload that cannot
    be written without code; then no file is touched.
    """
    target = Path(path)
    arrays: list[np.ndarray] = []

    def save(array: np.ndarray) -> int:
        arrays.append(array)
        return len(arrays) - 1

    body = pack([state], save)
    manifest = json.dumps({"format": _FORMAT, "version": _VERSION, "arrays": len(arrays), "body": body})
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(_MANIFEST, manifest)
                for number, array in enumerate(arrays):
                    with archive.open(f"{number}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink()
        raise


def read_snapshot(path: str | PathLike[str]) -> dict[str, Any]:
    """Returns the state of a file.

    Raises ``CorruptSnapshot`` where it is damaged or foreign, ``OSError`` where it cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            state = _read(file)
        except CorruptSnapshot as error:
            raise CorruptSnapshot(f"{path}: {error}") from error
        except Exception as error:
            # Of the libraries that read it, each has errors of its own for bytes that make no sense.
            raise CorruptSnapshot(f"{path} is damaged, or no snapshot of a buffer: {error}.") from error
    if not isinstance(state, dict):
        raise CorruptSnapshot(f"{path} holds no state.")
    return state


def _read(file: BinaryIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read(_MANIFEST))
        if manifest.get("format") != _FORMAT or manifest.get("version") != _VERSION:
            raise CorruptSnapshot(
                f"this is no snapshot of version {_VERSION}: it says {manifest.get('format')!r}, "
                f"{manifest.get('version')!r}."
            )
        # A member is read whole, so that its checksum is compared before it is believed.
        arrays = [
            np.lib.format.read_array(io.BytesIO(archive.read(f"{number}.npy")), allow_pickle=False)
            for number in range(manifest["arrays"])
        ]
    (state,) = unpack(manifest["body"], arrays.__getitem__)
    return state
