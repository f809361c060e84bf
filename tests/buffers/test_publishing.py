"""A file that others see whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ding_buffer.buffers.publishing import UNFINISHED, whole_file


def test_nothing_is_under_the_name_before_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on demand" / "file.npz"

    with whole_file(path) as file:
        file.write(b"content")
        file.flush()
        (unfinished,) = path.parent.iterdir()
        assert not path.exists()

    assert unfinished.name.startswith(".")
    assert unfinished.name.endswith(UNFINISHED)
    assert [path] == list(path.parent.iterdir())
    assert b"content" == path.read_bytes()


def test_after_an_error_what_was_there_before_is_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    with pytest.raises(ZeroDivisionError), whole_file(path, sync=False) as file:
        file.write(b"half of wh" * (1 // 0))

    assert [path] == list(tmp_path.iterdir())
    assert b"before" == path.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_others_may_read_what_they_may_read_of_any_new_file(tmp_path: Path) -> None:
    with whole_file(tmp_path / "file"):
        pass
    (tmp_path / "ordinary").touch()

    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert 1 == len(modes)
