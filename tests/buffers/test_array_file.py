"""Arrays and a text in one file: they come back, and whatever happens to one byte is told."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import threading
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ding_buffer.buffers import array_file
from ding_buffer.buffers.array_file import ArrayFile, write_arrays
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.storages.row_pieces import RowPieces
from tests.buffers.array_parts import changed, parts, sealed


def written(path, arrays, body=None):
    with path.open("wb") as file:
        write_arrays(file, arrays, body)
    return path.read_bytes()


def read(path):
    """Everything in a file."""
    with path.open("rb", buffering=0) as file, ArrayFile(file) as content:
        return [np.asarray(array) for array in content.arrays], content.body


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(array_file, "_BLOCK", 100)


DTYPES = (
    npst.scalar_dtypes()
    | npst.unicode_string_dtypes(max_len=3)
    | npst.byte_string_dtypes(max_len=3)
    | npst.array_dtypes(max_size=3)
)
SHAPES = npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=40)


@given(
    arrays=st.lists(
        st.builds(
            lambda dtype, shape, seed: (
                np.random.default_rng(seed)
                .integers(0, 2, int(np.prod(shape)) * dtype.itemsize, np.uint8)
                .view(dtype)
                .reshape(shape)
                if dtype.itemsize
                else np.zeros(shape, dtype)
            ),
            DTYPES,
            SHAPES,
            st.integers(0, 9),
        ),
        max_size=4,
    ),
    body=st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5),
)
def test_arrays_and_text_come_back_as_they_were(tmp_path_factory, arrays, body):
    path = tmp_path_factory.mktemp("arrays") / "file"
    size = array_file._BLOCK
    array_file._BLOCK = 100
    try:
        written(path, arrays, body)
        made, text = read(path)
    finally:
        array_file._BLOCK = size

    assert body == text
    assert [(one.dtype, one.shape) for one in arrays] == [(one.dtype, one.shape) for one in made]
    assert [one.tobytes() for one in arrays] == [one.tobytes() for one in made]
    assert all(one.flags.writeable for one in made)


@pytest.mark.parametrize("shape", [(7,), (100,), (101,), (3, 100), (1000,), (0,), (0, 5)])
def test_pieces_are_one_array_in_the_file_and_are_read_into_pieces(path, small_blocks, shape):
    whole = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    for cut in {0, len(whole) // 3, len(whole)}:
        written(path, [np.arange(3), RowPieces([whole[:cut], whole[cut:]]), np.arange(4)])
        np.testing.assert_array_equal(whole, read(path)[0][1])
        for other in {0, len(whole) // 2, len(whole)}:
            table = np.zeros((len(whole) + 4, *shape[1:]), np.uint8)
            with path.open("rb", buffering=0) as file, ArrayFile(file) as content:
                content.arrays[1].read_into([table[1 : 1 + other], table[3 + other : 3 + len(whole)]])
            np.testing.assert_array_equal(whole[:other], table[1 : 1 + other])
            np.testing.assert_array_equal(whole[other:], table[3 + other : 3 + len(whole)])
            assert not table[[0, 1 + other, 2 + other, -1]].any()


def test_arrays_begin_at_cache_lines(path):
    whole = written(path, [np.full(3, 1, np.uint8), np.full(64, 2, np.uint8), np.full(65, 3, np.uint8)])

    told, arrays = parts(whole)
    assert [1] * 3 + [0] * 61 + [2] * 64 + [3] * 65 + [0] * 63 == list(arrays)
    assert [[3], [64], [65]] == [entry["shape"] for entry in told["arrays"]]


def test_an_array_can_be_read_anew_and_nobody_shares_it(path):
    written(path, [np.arange(5)])
    with path.open("rb", buffering=0) as file, ArrayFile(file) as content:
        one, other = np.asarray(content.arrays[0]), np.asarray(content.arrays[0], dtype=np.float64)
        one[:] = 9
        assert 5 == len(content.arrays[0])
    assert [0.0, 1.0, 2.0, 3.0, 4.0] == other.tolist()


def test_each_block_has_the_checksum_that_zlib_makes(path, small_blocks):
    array = np.random.default_rng(0).integers(0, 255, 1030, dtype=np.uint8)
    (told,) = parts(written(path, [RowPieces([array[:77], array[77:]])]))[0]["arrays"]
    assert [zlib.crc32(array[begin : begin + 100].data) for begin in range(0, 1030, 100)] == told["sums"]


@pytest.mark.parametrize("positioned", [True, False], ids=["as here", "as elsewhere"])
def test_reads_that_give_less_than_they_are_asked_for_are_finished(
    path, small_blocks, monkeypatch, positioned
):
    """Several threads read at places of their own, also where a file has but one."""

    class Slow(io.FileIO):
        def readinto(self, target):
            return super().readinto(memoryview(target)[:37])

    if not positioned:
        monkeypatch.delattr(os, "RWF_NOWAIT", raising=False)
        monkeypatch.delattr(os, "preadv", raising=False)
    elif hasattr(os, "preadv"):
        whole = os.preadv
        monkeypatch.setattr(
            os, "preadv", lambda file, views, place, *flags: whole(file, [views[0][:37]], place, *flags)
        )
    arrays = [np.arange(5000), np.arange(3), np.arange(700, dtype=np.uint8)]
    written(path, arrays)
    with Slow(path, "rb") as file, ArrayFile(file) as content:
        for expected, array in zip(arrays, content.arrays, strict=True):
            np.testing.assert_array_equal(expected, np.asarray(array))


def test_what_has_to_come_from_a_disk_is_read_in_order(path, small_blocks, monkeypatch):
    array, places, fill = np.arange(5000), [], array_file._fill

    def noted(file, place, view):
        places.append(place)
        fill(file, place, view)

    written(path, [array])
    with path.open("rb", buffering=0) as file, ArrayFile(file) as content:
        monkeypatch.setattr(array_file, "_in_memory", lambda *_: False)
        monkeypatch.setattr(array_file, "_fill", noted)
        np.testing.assert_array_equal(array, np.asarray(content.arrays[0]))
    assert [*range(64, 64 + array.nbytes, 100), 64 + array.nbytes] == places


def test_the_byte_order_of_an_array_is_kept(path):
    arrays = [np.arange(3, dtype=">i4"), np.arange(3, dtype="<i4")]
    whole = written(path, arrays)
    made, _ = read(path)

    assert bytes([0, 0, 0, 0, 0, 0, 0, 1]) == parts(whole)[1][:8]
    assert [one.dtype.str for one in arrays] == [one.dtype.str for one in made]
    # What a machine of the other order would have written.
    path.write_bytes(changed(whole, lambda told: told["arrays"][0].update(dtype="'<i4'")))
    assert [0, 1 << 24, 2 << 24] == read(path)[0][0].tolist()


# Damage.


def test_every_bit_of_a_file_is_watched(path, small_blocks):
    whole = written(path, [np.arange(30), np.full(5, 7, np.uint8), np.zeros((2, 3), np.float32)], {"a": "b"})

    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(CorruptSnapshot):
            read(path)


def test_a_damaged_byte_in_any_block_of_a_large_array_is_told(path):
    size = 3 * array_file._BLOCK + 5
    array = np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)
    written(path, [np.arange(3), array])
    block = array_file._BLOCK
    for place in (0, block - 1, block, 2 * block + 7, 3 * block - 1, 3 * block, size - 1, size, size + 58):
        with path.open("r+b") as file:
            file.seek(128 + place)
            held = file.read(1)[0]
            file.seek(128 + place)
            file.write(bytes([held ^ 1]))
        with pytest.raises(CorruptSnapshot, match="an array in it is damaged"):
            read(path)
        with path.open("r+b") as file:
            file.seek(128 + place)
            file.write(bytes([held]))
    np.testing.assert_array_equal(array, read(path)[0][1])


def test_blocks_that_changed_places_are_told(path, small_blocks):
    whole = bytearray(written(path, [np.arange(400, dtype=np.uint8)]))
    whole[64:164], whole[164:264] = whole[164:264], whole[64:164]
    path.write_bytes(whole)
    with pytest.raises(CorruptSnapshot, match="damaged"):
        read(path)


def test_a_file_of_any_other_length_is_told(path, small_blocks):
    whole = written(path, [np.arange(30), np.full(5, 7, np.uint8)], {"a": "b"})
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptSnapshot):
            read(path)
    for more in (b"\0", b"x" * 64, whole):
        path.write_bytes(whole + more)
        with pytest.raises(CorruptSnapshot, match="cut short or has grown"):
            read(path)


def test_a_file_that_is_cut_short_while_it_is_open_is_told(path):
    written(path, [np.arange(30_000)])
    with path.open("rb", buffering=0) as file, ArrayFile(file) as content:
        os.truncate(path, 500)
        with pytest.raises(CorruptSnapshot, match="cut short while it was read"):
            np.asarray(content.arrays[0])


def test_nobody_writes_to_the_targets_any_more_when_damage_is_told(path, small_blocks, monkeypatch):
    """Of two threads one finds the file cut short while the other is still reading."""
    written(path, [np.arange(1000)])
    both, reader, fill = threading.Barrier(2, timeout=60), threading.current_thread(), array_file._fill
    begun, finished = [], []

    def fill_slowly(file, place, view):
        if threading.current_thread() is reader:
            both.wait()
            raise CorruptSnapshot("cut short")
        begun.append(place)
        if len(begun) == 1:
            both.wait()
        for _ in range(1000):
            fill(file, place, view)
        finished.append(place)

    with path.open("rb", buffering=0) as file, ArrayFile(file) as content:
        monkeypatch.setattr(array_file, "_in_memory", lambda *_: True)
        monkeypatch.setattr(array_file, "_fill", fill_slowly)
        with pytest.raises(CorruptSnapshot, match="cut short"):
            content.arrays[0].read_into([np.zeros(1000, dtype=np.int64)])
        assert begun == finished != []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(100), b"\x93NUMPY\x01\x00" * 20, bytes(200)])
def test_a_foreign_file_is_told(path, content):
    path.write_bytes(content)
    with pytest.raises(CorruptSnapshot, match="no snapshot of a buffer"):
        read(path)


@pytest.mark.parametrize("version", [0, 2, 4, 99])
def test_another_version_is_named(path, version):
    path.write_bytes(sealed(b"{}", version=version))
    with pytest.raises(CorruptSnapshot, match=f"of version {version}; only version 3 is read"):
        read(path)


# What somebody made up, with checksums that are right.


@pytest.mark.parametrize(
    "place", [{"place": 2**64 - 1}, {"length": 2**64 - 1}, {"place": 0}, {"length": 0}, {"place": 2**63}]
)
def test_lengths_of_the_head_beyond_the_file_are_told_and_cost_nothing(path, place):
    path.write_bytes(sealed(b'{"arrays": [], "body": null}', **place))
    tracemalloc.start()
    try:
        with pytest.raises(CorruptSnapshot):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "entry",
    [
        {"shape": [10**15]},
        {"shape": [2**62, 2**62]},
        {"shape": [-5]},
        {"shape": [5.0]},
        {"shape": [True, 5]},
        {"shape": [4]},
        {"shape": [6]},
        {"shape": 5},
        {"shape": None},
        {"dtype": "'O'"},
        {"dtype": "'|O'"},
        {"dtype": "[('a', 'O')]"},
        {"dtype": "__import__('os').getcwd()"},
        {"dtype": "'mystery'"},
        {"dtype": "'<i4'"},
        {"dtype": "'V4000000000'"},
        {"dtype": 5},
        {"sums": []},
        {"sums": None},
        {"sums": [0]},
        {"sums": [0, 0]},
    ],
)
def test_an_array_that_cannot_be_is_told_and_costs_nothing(path, entry):
    whole = written(path, [np.arange(5)])
    path.write_bytes(changed(whole, lambda told: told["arrays"][0].update(entry)))
    tracemalloc.start()
    try:
        with pytest.raises(CorruptSnapshot):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"5", b'{"arrays": 5, "body": 1}', b'{"arrays": []}', b"[" * 100_000, b"\xff"]
)
def test_a_text_that_makes_no_sense_is_told(path, text):
    path.write_bytes(sealed(text))
    with pytest.raises(CorruptSnapshot, match="description"):
        read(path)


def test_a_pickle_in_the_place_of_an_array_is_not_run(path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("import sys; sys.executed_from_an_array_file = True",))

    whole = written(path, [np.zeros(3)])
    evil = pickle.dumps(Bomb()).ljust(64, b"\0")
    told, _ = parts(whole)
    for dtype in ("'|O'", "'|V1'", "'|u1'"):
        told["arrays"][0].update(dtype=dtype, shape=[len(evil)])
        path.write_bytes(sealed(json.dumps(told).encode(), evil))
        with pytest.raises(CorruptSnapshot):
            read(path)
    assert not hasattr(sys, "executed_from_an_array_file")


def test_writes_that_take_less_than_they_are_given_are_finished(path, small_blocks):
    class Slow(io.FileIO):
        def write(self, data):
            return super().write(memoryview(data)[:37])

    array = np.arange(1000)
    with io.BufferedWriter(Slow(path, "wb")) as file:
        write_arrays(file, [array], None)  # type: ignore[arg-type]
    np.testing.assert_array_equal(array, read(path)[0][0])
