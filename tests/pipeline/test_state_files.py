from __future__ import annotations

from pathlib import Path

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.buffers.snapshot import write_snapshot
from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.middleware.removals import track_removed
from ding_buffer.pipeline.state_files import beside, file_name, new_directory, open_state, restoring


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


NAMES = [
    "a",
    "main buffer",
    "v1.0",
    "a/b",
    "../x",
    "..",
    ".",
    "",
    "ä",
    "a%2Fb",
    "a\\b",
    "C:x",
    "a\0b",
    "~",
    "x" * 50,
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_that_of_a_file_in_the_directory(tmp_path, name):
    place = tmp_path / file_name(name)
    place.write_text("x")

    assert tmp_path == place.resolve().parent
    assert [place.name] == names_in(tmp_path)


def test_no_two_names_are_one_file_and_a_plain_one_is_itself():
    assert len(NAMES) == len({file_name(name) for name in NAMES})
    assert ["a", "main buffer", "v1.0"] == [file_name(name) for name in NAMES[:3]]


def test_dots_of_a_path_are_no_ending_to_be_cut_off():
    assert Path("x/v1.0.snapshot") == beside("x/v1.0")
    assert beside("x/v1.0") != beside("x/v1.5")
    assert beside("x") == beside("x/")
    assert Path("..snapshot") == beside(".")  # hidden, and told apart from what lies in the directory


def test_a_directory_appears_when_it_is_full(tmp_path):
    with new_directory(tmp_path / "made") as directory:
        (directory / "file").write_text("x")
        assert not (tmp_path / "made").exists()

    assert ["made"] == names_in(tmp_path)
    assert ["file"] == names_in(tmp_path / "made")


def test_what_fails_leaves_nothing_behind(tmp_path):
    def interrupted():
        with new_directory(tmp_path / "made") as directory:
            (directory / "file").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert [] == names_in(tmp_path)


def test_nothing_is_written_over_and_no_parent_is_made(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("there", "link"):
        with pytest.raises(FileExistsError), new_directory(tmp_path / name):
            pass
    with pytest.raises(FileNotFoundError), new_directory(tmp_path / "no" / "parent"):
        pass


def test_a_state_comes_back_and_one_of_something_else_is_told(tmp_path):
    write_snapshot(tmp_path / "file", {"a": [1, (2,)], "b": None})

    with open_state(tmp_path / "file", "a", "b") as state:
        assert {"a": [1, (2,)], "b": None} == state
    with (
        pytest.raises(CorruptSnapshot, match=r"^[^ ]*file: it is .* \['c'\] is missing"),
        open_state(tmp_path / "file", "a", "c"),
    ):
        pass


def test_what_is_found_wrong_with_a_state_is_told_with_its_file(tmp_path):
    write_snapshot(tmp_path / "file", {})
    with pytest.raises(CorruptSnapshot, match=r"^[^ ]*file: too small$"), open_state(tmp_path / "file"):
        raise CorruptSnapshot("too small")


def test_what_is_undone_has_left_nothing_changed_and_told_nobody():
    told = []
    buffer = DequeBuffer(5, seed=0).use(track_removed(lambda items, reason: told.append(reason)))
    buffer.extend(range(3))
    before = buffer.state_dict()

    def fail():
        with restoring(buffer):
            buffer.load_state_dict(DequeBuffer(5, seed=1).state_dict())
            buffer.push(9)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert [] == told
    after = buffer.state_dict()
    assert all(before["store"][key] == after["store"][key] for key in ("order", "storage", "rng", "counts"))
    with restoring(buffer):
        buffer.clear()
    assert (0, ["cleared"]) == (len(buffer), told)
