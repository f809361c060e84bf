"""Array files taken apart and put together again, with checksums that are right."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

HEAD = 64


def sealed(text: bytes, arrays: bytes = b"", *, magic=b"ding-buf", version=3, place=None, length=None):
    """Returns a file of these arrays and this text; the head says what it is told to say."""
    place = HEAD + len(arrays) if place is None else place
    length = len(text) if length is None else length
    head = struct.pack("<8sIIQQ28x", magic, version, zlib.crc32(text), place, length)
    return head + struct.pack("<I", zlib.crc32(head)) + arrays + text


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Returns what the text of a file says, and the bytes of its arrays."""
    place, length = struct.unpack_from("<QQ", content, 16)
    return json.loads(content[place : place + length]), content[HEAD:place]


def changed(content: bytes, change: Any) -> bytes:
    """Returns a file whose text ``change`` was let at."""
    told, arrays = parts(content)
    change(told)
    return sealed(json.dumps(told).encode(), arrays)
