"""A file of plain arrays and one JSON text, with a checksum for every byte.

It begins with a head of 64 bytes: eight letters, the version and the checksum of the text (uint32), where the
text begins and how long it is (uint64), zeros, and the checksum of all that; numbers are little-endian. Then
come the arrays, each filled up with zeros to a multiple of 64 bytes, in the byte order that its dtype names,
and at the end the text. That says of each array its dtype, its shape and the checksum of every ``_BLOCK``
bytes; the rest of it is the user's. Checksums are CRC-32.
"""

from __future__ import annotations

import ast
import json
import math
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BufferedWriter, FileIO
from typing import Any

import numpy as np

from ding_buffer.buffers.disk_room import reserve_room
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.storages.layout import LINE
from ding_buffer.storages.row_pieces import RowPieces

VERSION = 3
_MAGIC = b"ding-buf"
_HEAD = struct.Struct("<8sIIQQ28x")
_SUM = struct.Struct("<I")
_BLOCK = 1 << 22
_THREADS = 2

Block = list[memoryview]


def write_arrays(file: BufferedWriter, arrays: Sequence[np.ndarray | RowPieces], body: Any) -> None:
    """Writes arrays, and data that JSON can hold, to an empty file."""
    told = []
    reserve_room(file.fileno(), LINE + sum(_size(array) + _padding(_size(array)) for array in arrays))
    file.write(bytes(LINE))  # of which the head is known at the end
    with ThreadPoolExecutor(_THREADS) as pool:  # starts no thread before there is something to do
        for array in arrays:
            pieces = [np.ascontiguousarray(piece) for piece in _pieces(array)]
            blocks = _blocks(pieces)
            sums = _sums(pool, _written(file, blocks), len(blocks))
            file.write(bytes(_padding(_size(array))))
            dtype = repr(np.lib.format.dtype_to_descr(pieces[0].dtype))
            told.append({"dtype": dtype, "shape": array.shape, "sums": sums})
    place = file.tell()
    text = json.dumps({"arrays": told, "body": body}).encode()
    file.write(text)
    head = _HEAD.pack(_MAGIC, VERSION, zlib.crc32(text), place, len(text))
    file.seek(0)
    file.write(head + _SUM.pack(zlib.crc32(head)))


class ArrayFile:
    """The arrays of an open file and the data beside them; to be closed, by ``with``.

    Raises ``CorruptSnapshot`` where they are damaged: head and text at once, an array when it is read.
    """

    def __init__(self, file: FileIO) -> None:
        self.file = file
        self.pool = ThreadPoolExecutor(_THREADS)
        self.arrays: list[StoredArray] = []
        text, place = _read_text(file)
        try:
            told = json.loads(text)
            self.body: Any = told["body"]
            end = LINE
            for entry in told["arrays"]:
                self.arrays.append(StoredArray(self, end, entry))
                end += self.arrays[-1].nbytes + _padding(self.arrays[-1].nbytes)
        except (KeyError, TypeError, ValueError, SyntaxError, RecursionError) as error:
            raise CorruptSnapshot(f"its description does not fit together: {error}.") from error
        if end != place:
            raise CorruptSnapshot(f"its arrays end at byte {end}, and not {place}.")

    def __enter__(self) -> ArrayFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()


class StoredArray:
    """An array in a file. Whoever makes an array of it reads it, anew each time, and may keep the memory."""

    def __init__(self, owner: ArrayFile, place: int, told: dict[str, Any]) -> None:
        self.dtype = np.lib.format.descr_to_dtype(ast.literal_eval(told["dtype"]))
        self.shape: tuple[int, ...] = tuple(told["shape"])
        if self.dtype.hasobject or not all(type(size) is int and size >= 0 for size in self.shape):
            raise CorruptSnapshot("it holds an array of a kind that was never written.")
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize
        self._owner, self._place, self._sums = owner, place, told["sums"]

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        made = np.empty(self.shape, dtype=self.dtype)
        self.read_into([made])
        return made if dtype is None else made.astype(dtype, copy=False)

    def read_into(self, targets: Sequence[np.ndarray]) -> None:
        """Reads it into contiguous arrays that follow each other and have as many bytes together.

        When ``CorruptSnapshot`` is raised they hold anything.
        """
        blocks, file = _blocks(targets), self._owner.file
        file.seek(self._place)
        sums = _sums(self._owner.pool, _filled(file, blocks), len(blocks))
        if sums != self._sums or any(_read(file, _padding(self.nbytes))):
            raise CorruptSnapshot("an array in it is damaged.")


def _read_text(file: FileIO) -> tuple[bytes, int]:
    """Returns the text of a file and where it begins."""
    size = os.fstat(file.fileno()).st_size
    head = bytes(_read(file, min(LINE, size)))
    if len(head) < LINE or not head.startswith(_MAGIC):
        raise CorruptSnapshot("it is damaged, or no snapshot of a buffer.")
    _, version, crc, place, length = _HEAD.unpack(head[: _HEAD.size])
    if version != VERSION:
        raise CorruptSnapshot(f"it says that it is of version {version}; only version {VERSION} is read.")
    if zlib.crc32(head[: _HEAD.size]) != _SUM.unpack(head[_HEAD.size :])[0]:
        raise CorruptSnapshot("its head is damaged.")
    if place + length != size:
        raise CorruptSnapshot(f"it is cut short or has grown: it has {size} bytes of {place + length}.")
    file.seek(place)
    text = bytes(_read(file, length))
    if zlib.crc32(text) != crc:
        raise CorruptSnapshot("its description is damaged.")
    return text, place


def _blocks(arrays: Sequence[np.ndarray]) -> list[Block]:
    """Returns the bytes of contiguous arrays, one after the other, as blocks, each of a few views."""
    blocks: list[Block] = []
    room = 0
    for array in arrays:
        view: Any = memoryview(array.reshape(-1).view(np.uint8).data if array.nbytes else b"")
        while view:
            if not room:
                blocks.append([])
                room = _BLOCK
            blocks[-1].append(view[:room])
            view, room = view[room:], room - len(blocks[-1][-1])
    return blocks


def _sums(pool: ThreadPoolExecutor, blocks: Iterator[Block], count: int) -> list[int]:
    """Returns the checksum of each block, computed in other threads while the next one is made."""
    return list(pool.map(_sum, blocks) if count > 1 else map(_sum, blocks))


def _sum(block: Block) -> int:
    made = 0
    for view in block:
        made = zlib.crc32(view, made)
    return made


def _written(file: BufferedWriter, blocks: list[Block]) -> Iterator[Block]:
    """Yields blocks once they are written; several of them past the file's buffer."""
    out: Any = file
    if len(blocks) > 1:
        file.flush()
        out = file.raw
    for block in blocks:
        for view in block:
            while view:
                view = view[out.write(view) :]
        yield block


def _filled(file: FileIO, blocks: list[Block]) -> Iterator[Block]:
    """Yields blocks once they are read."""
    for block in blocks:
        for view in block:
            _read_into(file, view)
        yield block


def _read(file: FileIO, size: int) -> bytearray:
    made = bytearray(size)
    _read_into(file, memoryview(made))
    return made


def _read_into(file: FileIO, view: memoryview) -> None:
    while len(view):
        count = file.readinto(view)
        if not count:
            raise CorruptSnapshot("it was cut short while it was read.")
        view = view[count:]


def _pieces(array: np.ndarray | RowPieces) -> list[np.ndarray]:
    return array.pieces if isinstance(array, RowPieces) else [array]


def _size(array: np.ndarray | RowPieces) -> int:
    return sum(piece.nbytes for piece in _pieces(array))


def _padding(size: int) -> int:
    return -size % LINE
