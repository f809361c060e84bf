from __future__ import annotations

import collections
import datetime as dt
import pickle
import pickletools
from typing import Any

import numpy as np
import pytest

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.pipeline.plain_pickle import read_plain_pickle
from tests.pipeline.written_pickles import Command

PLAIN: dict[str, Any] = {
    "numbers": [1, -2, 10**30, 1.5, float("inf"), True, None, 2 + 3j],
    "texts": ["a", "ä\n", b"\x00", bytearray(b"x")],
    "nested": ({"a": [(1, 2)]}, {1, 2}, frozenset("ab")),
    "queue": collections.deque([1, 2], maxlen=5),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_come_back_from_every_protocol(tmp_path, protocol):
    plain = {**PLAIN}
    if protocol < 3:  # bytes and sets are spelled with calls then
        plain = {"numbers": PLAIN["numbers"][:-1], "texts": ["a", "ä\n"], "queue": PLAIN["queue"]}
    (tmp_path / "file").write_bytes(pickle.dumps(plain, protocol))

    assert plain == read_plain_pickle(tmp_path / "file")


def test_a_command_is_not_run(tmp_path):
    mark = tmp_path / "pwned"
    (tmp_path / "file").write_bytes(pickle.dumps([1, Command(mark)]))

    with pytest.raises(CorruptSnapshot, match=r"(posix|nt)\.system.* a pickle can run anything"):
        read_plain_pickle(tmp_path / "file")
    assert not mark.exists()
    pickle.loads((tmp_path / "file").read_bytes())
    assert mark.exists()  # so it would have been


EVIL = {
    "eval": b"cbuiltins\neval\n(S'1'\ntR.",
    "getattr": b"cbuiltins\ngetattr\n(cbuiltins\nset\nS'__class__'\ntR.",
    "dotted": pickle.PROTO + b"\x04\x8c\x08builtins\x8c\x0bset.__doc__\x93.",
    "old name": b"c__builtin__\neval\n.",
    "numpy": b"cnumpy.testing._private.utils\nrunstring\n.",
    "instance": b"(S'x'\nios\nsystem\n.",
    "extension": b"\x82\x01.",
    "persistent": b"Psomewhere\n.",
    "build": b"cbuiltins\nset\n)R}S'x'\nK\x01sb.",
}


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_nothing_but_a_few_containers_is_made(tmp_path, evil):
    (tmp_path / "file").write_bytes(evil)

    with pytest.raises(CorruptSnapshot, match="file"):
        read_plain_pickle(tmp_path / "file")


@pytest.mark.parametrize("value", [np.zeros(3), dt.date(2024, 1, 1), print, Command], ids=str)
def test_what_is_no_plain_value_is_refused_by_name(tmp_path, value):
    (tmp_path / "file").write_bytes(pickle.dumps([value]))

    with pytest.raises(CorruptSnapshot, match=r"it names .* not loaded"):
        read_plain_pickle(tmp_path / "file")


def test_a_damaged_file_is_told_wherever_it_is_cut(tmp_path):
    whole = pickle.dumps(PLAIN)
    assert len(list(pickletools.genops(whole))) > 30
    for length in range(len(whole)):
        (tmp_path / "file").write_bytes(whole[:length])
        with pytest.raises(CorruptSnapshot, match=r"damaged|refers"):
            read_plain_pickle(tmp_path / "file")


@pytest.mark.parametrize("code", [b"\x8e", b"\x96", b"\x8d"], ids=["bytes", "bytearray", "text"])
def test_a_file_that_claims_more_than_there_is_memory_is_damaged(tmp_path, code):
    (tmp_path / "file").write_bytes(b"\x80\x05" + code + (2**45).to_bytes(8, "little") + b"abc.")

    with pytest.raises(CorruptSnapshot, match="damaged"):
        read_plain_pickle(tmp_path / "file")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_plain_pickle(tmp_path / "file")
