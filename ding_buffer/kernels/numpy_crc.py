"""Checksums; the twin of ``crc.c``, which is missing where the processor has no carry-less multiplication."""

from __future__ import annotations

import operator
import zlib

import numpy as np
import numpy.typing as npt

from ding_buffer.kernels.numpy_checks import check_array


def crc32(data: npt.NDArray[np.uint8], value: int = 0, /) -> int:
    """Returns the CRC-32 of bytes, going on from the CRC-32 ``value`` of what is before them."""
    begin = operator.index(value) & 0xFFFFFFFF
    check_array(data, np.uint8, 1, "data")
    return zlib.crc32(data.data, begin)
