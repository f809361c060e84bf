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
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from io import BufferedWriter, FileIO
from typing import Any

import numpy as np

from ding_buffer.buffers.disk_room import reserve_room
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.kernels.chosen import crc32
from ding_buffer.storages.layout import LINE
from ding_buffer.storages.row_pieces import RowPieces

VERSION = 3
_MAGIC = b"ding-buf"
_HEAD = struct.Struct("<8sIIQQ28x")
_SUM = struct.Struct("<I")
_BLOCK = 1 << 22
_THREADS = 2

Block = list[np.ndarray]


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
        self.pool = ThreadPoolExecutor(_THREADS - 1)  # and whoever asks for an array
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
        file, blocks = self._owner.file, _blocks(targets)
        sums, left = [0] * len(blocks), [*reversed(range(len(blocks)))]

        # What has to come from a disk comes in order, else the system does not read ahead.
        at_once = len(blocks) > 1 and _in_memory(file, self._place + self.nbytes // 2)
        turn: Any = nullcontext() if at_once else threading.Lock()

        def work() -> None:
            while True:
                with turn:
                    try:
                        number = left.pop()  # whoever comes first
                    except IndexError:
                        return
                    _fill_block(file, self._place + number * _BLOCK, blocks[number])
                sums[number] = _sum(blocks[number])

        helpers = [self._owner.pool.submit(work)] if len(blocks) > 1 else []
        try:
            work()
        finally:
            left.clear()
            wait(helpers)  # they write to the targets
        for helper in helpers:
            helper.result()
        if sums != self._sums or any(_read(file, self._place + self.nbytes, _padding(self.nbytes))):
            raise CorruptSnapshot("an array in it is damaged.")


def _read_text(file: FileIO) -> tuple[bytes, int]:
    """Returns the text of a file and where it begins."""
    size = os.fstat(file.fileno()).st_size
    head = _read(file, 0, min(LINE, size))
    if len(head) < LINE or not head.startswith(_MAGIC):
        raise CorruptSnapshot("it is damaged, or no snapshot of a buffer.")
    _, version, crc, place, length = _HEAD.unpack(head[: _HEAD.size])
    if version != VERSION:
        raise CorruptSnapshot(f"it says that it is of version {version}; only version {VERSION} is read.")
    if zlib.crc32(head[: _HEAD.size]) != _SUM.unpack(head[_HEAD.size :])[0]:
        raise CorruptSnapshot("its head is damaged.")
    if place + length != size:
        raise CorruptSnapshot(f"it is cut short or has grown: it has {size} bytes of {place + length}.")
    text = _read(file, place, length)
    if zlib.crc32(text) != crc:
        raise CorruptSnapshot("its description is damaged.")
    return text, place


def _blocks(arrays: Sequence[np.ndarray]) -> list[Block]:
    """Returns the bytes of contiguous arrays, one after the other, as blocks, each of a few views."""
    blocks: list[Block] = []
    room = 0
    for array in arrays:
        view = array.reshape(-1).view(np.uint8) if array.nbytes else np.empty(0, np.uint8)
        while len(view):
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
        made = crc32(view, made)
    return made


def _written(file: BufferedWriter, blocks: list[Block]) -> Iterator[Block]:
    """Yields blocks once they are written; several of them past the file's buffer."""
    out: Any = file
    if len(blocks) > 1:
        file.flush()
        out = file.raw
    for block in blocks:
        for view in block:
            while len(view):
                view = view[out.write(view) :]
        yield block


def _in_memory(file: FileIO, place: int) -> bool:
    """Tells whether the system has that byte of a file in memory; False where it does not say."""
    if not hasattr(os, "RWF_NOWAIT"):
        return False
    try:
        return os.preadv(file.fileno(), [bytearray(1)], place, os.RWF_NOWAIT) == 1
    except OSError:
        return False


def _fill_block(file: FileIO, place: int, block: Block) -> None:
    for view in block:
        _fill(file, place, view)
        place += len(view)


def _read(file: FileIO, place: int, size: int) -> bytes:
    made = np.empty(size, np.uint8)
    _fill(file, place, made)
    return made.tobytes()


def _fill(file: FileIO, place: int, view: np.ndarray) -> None:
    while len(view):
        count = _read_some(file, place, view)
        if not count:
            raise CorruptSnapshot("it was cut short while it was read.")
        place, view = place + count, view[count:]


def _read_some(file: FileIO, place: int, view: np.ndarray) -> int | None:
    if hasattr(os, "preadv"):
        return os.preadv(file.fileno(), [view.data], place)
    file.seek(place)  # by one thread at a time: nothing is said to be in memory here
    return file.readinto(view.data)


def _pieces(array: np.ndarray | RowPieces) -> list[np.ndarray]:
    return array.pieces if isinstance(array, RowPieces) else [array]


def _size(array: np.ndarray | RowPieces) -> int:
    return sum(piece.nbytes for piece in _pieces(array))


def _padding(size: int) -> int:
    return -size % LINE
