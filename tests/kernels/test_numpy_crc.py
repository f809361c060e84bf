from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_buffer.kernels import numpy_crc
from tests.kernels.both import agree, spoilers, spoilt

BYTES = np.random.default_rng(0).integers(0, 256, 5_000_000, dtype=np.uint8)


@pytest.fixture(scope="module")
def crc32(compiled):
    """The function in C, with the widest vectors and without."""
    if not hasattr(compiled, "crc32"):
        pytest.skip("this processor has no carry-less multiplication, or its compiler did not know it")
    return compiled.crc32


def by_definition(data):
    """What long division leaves of the bytes times x^32; the first 32 bits and the rest are inverted."""
    number = int.from_bytes(bytes(int(f"{byte:08b}"[::-1], 2) for byte in data), "big") << 32
    number ^= 0xFFFFFFFF << (8 * len(data))
    for bit in reversed(range(32, 32 + 8 * len(data))):
        if number >> bit & 1:
            number ^= 0x104C11DB7 << (bit - 32)
    return int(f"{number ^ 0xFFFFFFFF:032b}"[::-1], 2)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 63, 64, 65, 128, 255, 256, 257, 300, 600])
def test_a_checksum_is_the_rest_of_a_division(crc32, size):
    expected = by_definition(BYTES[:size].tolist())
    assert [expected] * 2 == [crc32(BYTES[:size]), numpy_crc.crc32(BYTES[:size])]


def test_every_length_at_any_place_is_summed_as_zlib_does(crc32):
    rng = np.random.default_rng(1)
    for size in range(1200):
        place, value = int(rng.integers(0, 200)), int(rng.integers(0, 2**32))
        data = BYTES[place : place + size]
        assert zlib.crc32(data.data, value) == crc32(data, value), (place, size, value)


@given(cuts=st.lists(st.integers(0, 3000), max_size=5).map(sorted), begin=st.integers(0, 2**32 - 1))
def test_a_checksum_goes_on_from_the_one_before(crc32, cuts, begin):
    expected = numpy_crc.crc32(BYTES[:3000], begin)
    for sum_of in (crc32, numpy_crc.crc32):
        made = begin
        for one, other in zip([0, *cuts], [*cuts, 3000], strict=True):
            made = sum_of(BYTES[one:other], made)
        assert expected == made


def test_long_data_are_summed_in_several_threads_at_once(crc32):
    places = range(30)
    with ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda place: crc32(BYTES[place : len(BYTES) - 7 * place]), places))
    assert [zlib.crc32(BYTES[place : len(BYTES) - 7 * place].data) for place in places] == sums


@pytest.mark.parametrize("place", [0, 1, 63, 64, 255, 256, 511, 512, 4_999_999])
def test_a_bit_anywhere_changes_the_checksum(crc32, place):
    other = BYTES.copy()
    other[place] ^= 8
    assert crc32(BYTES) != crc32(other) == zlib.crc32(other.data)


@given(how=spoilers())
def test_both_kernels_take_the_same_data(crc32, how):
    agree(crc32, numpy_crc.crc32, (spoilt(how, BYTES[:100]), 5))


@pytest.mark.parametrize(
    "value", [None, 1.5, "3", -1, 2**32, 2**70 + 5, -(2**70), True, np.int64(9), np.uint8(3)]
)
def test_both_kernels_go_on_from_the_same_values(crc32, value):
    agree(crc32, numpy_crc.crc32, (BYTES[:100], value))


def test_a_checksum_is_of_one_array_and_one_value(crc32):
    for sum_of in (crc32, numpy_crc.crc32):
        for arguments in ((), (BYTES, 1, 2), (b"text",), (BYTES.view(np.int8),)):
            with pytest.raises(TypeError):
                sum_of(*arguments)
