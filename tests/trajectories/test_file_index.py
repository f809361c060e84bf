"""The trajectory files of one folder."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from ding_buffer.trajectories.file_index import FileIndex
from tests.trajectories.made import write


def long_ago(path: Path, age: float = 60.0) -> None:
    os.utime(path, (time.time() - age,) * 2)


def test_it_knows_what_is_there_and_nothing_else(tmp_path: Path) -> None:
    paths = write(tmp_path, 2)
    (tmp_path / "deep.npz").mkdir()
    write(tmp_path / "deep.npz")
    (tmp_path / "note.txt").touch()
    (tmp_path / ".env_0_1.npz.0123.part").touch()
    index = FileIndex(tmp_path, timed=True)

    assert index.refresh()
    assert {path.name for path in paths} == set(index.files)
    assert sum(path.stat().st_size for path in paths) == index.nbytes


def test_files_that_come_and_go_are_seen(tmp_path: Path) -> None:
    first = write(tmp_path)[0]
    index = FileIndex(tmp_path, timed=True)
    index.refresh()
    second = write(tmp_path, begin=2e9)[0]
    first.unlink()

    assert index.refresh()
    assert [second.name] == list(index.files)
    assert second.stat().st_size == index.nbytes


def test_a_folder_that_has_not_changed_is_not_listed_again(tmp_path: Path) -> None:
    write(tmp_path, 3)
    long_ago(tmp_path)
    index = FileIndex(tmp_path, timed=True)

    assert [True, False, False] == [index.refresh() for _ in range(3)]
    assert 1 == index.listings
    write(tmp_path, begin=2e9)
    assert index.refresh()
    assert 4 == len(index.files)


def test_a_folder_that_changed_just_now_is_looked_at_again(tmp_path: Path) -> None:
    """Two changes within one tick of the file system's clock have the same time."""
    index = FileIndex(tmp_path, timed=True)
    long_ago(tmp_path, -60.0)  # however slow this machine is, just now it will be
    index.refresh()
    stamp = tmp_path.stat().st_mtime_ns
    write(tmp_path)
    os.utime(tmp_path, ns=(stamp, stamp))

    assert index.refresh()
    assert 1 == len(index.files)


def test_known_files_are_not_looked_at_again(tmp_path: Path) -> None:
    (path,) = write(tmp_path)
    index = FileIndex(tmp_path, timed=True)
    index.refresh()
    before = index.files[path.name]
    path.write_bytes(b"other")
    write(tmp_path, begin=2e9)
    index.refresh()

    assert before is index.files[path.name]


def test_badly_named_files_are_reported_once_and_their_age_is_that_of_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = write(tmp_path)
    odd = path.rename(tmp_path / "demo.npz")
    long_ago(odd, 1000)
    write(tmp_path, 2, begin=time.time() - 5)
    index = FileIndex(tmp_path, timed=True)
    with caplog.at_level(logging.WARNING, "ding_buffer"):
        for _ in range(3):
            index.refresh()

    assert 1 == len(caplog.records) == index.badly_named
    assert "1 trajectory files" in caplog.text
    assert "demo.npz" in caplog.text
    assert 1 == index.evict(2)
    assert "demo.npz" not in index.files
    assert not odd.exists()


def test_where_nothing_is_evicted_any_name_will_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path)[0].rename(tmp_path / "demo.npz")
    index = FileIndex(tmp_path, timed=False)
    index.refresh()

    assert "" == caplog.text
    assert ["demo.npz"] == list(index.files)


def test_the_oldest_go_by_the_time_in_their_names_and_then_by_name(tmp_path: Path) -> None:
    for time_, name in [(3.0, "c"), (1.0, "b"), (1.0, "a"), (2.0, "d"), (10.0, "e")]:
        (path,) = write(tmp_path, begin=time_)
        path.rename(tmp_path / f"my_env_{name}_{time_}.npz")
    index = FileIndex(tmp_path, timed=True)
    index.refresh()

    assert 2 == index.evict(3)
    assert ["my_env_c_3.0.npz", "my_env_d_2.0.npz", "my_env_e_10.0.npz"] == sorted(index.files)
    assert sorted(index.files) == sorted(path.name for path in tmp_path.iterdir())
    assert 0 == index.evict(3)


def test_what_others_deleted_first_is_counted_with_the_evicted(tmp_path: Path) -> None:
    paths = write(tmp_path, 4)
    index = FileIndex(tmp_path, timed=True)
    index.refresh()
    paths[0].unlink()

    assert 2 == index.evict(2)
    assert set(paths[2:]) == set(tmp_path.iterdir())


def test_a_folder_that_is_gone_is_made_again(tmp_path: Path) -> None:
    index = FileIndex(tmp_path / "a" / "b", timed=True)
    index.refresh()
    write(index.folder)[0].unlink()
    index.folder.rmdir()

    index.refresh()
    assert index.folder.is_dir()
    assert {} == index.files


def test_deleting_takes_trajectories_only_those_not_yet_known_too(tmp_path: Path) -> None:
    write(tmp_path, 2)
    long_ago(tmp_path)
    index = FileIndex(tmp_path, timed=True)
    index.refresh()
    write(tmp_path, begin=2e9)
    (tmp_path / "note.txt").touch()
    index.delete()

    assert ["note.txt"] == [path.name for path in tmp_path.iterdir()]
    assert ({}, 0) == (index.files, index.nbytes)


def test_what_dead_writers_left_unfinished_is_swept_away(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.npz.00.part", tmp_path / ".b.npz.00.part"
    old.touch()
    new.touch()
    long_ago(old, 4000)
    index = FileIndex(tmp_path, timed=True)
    index.refresh()
    index.sweep()

    assert [new] == list(tmp_path.iterdir())
    new.unlink()
    index.sweep()


def test_links_that_lead_nowhere_are_no_files(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "elsewhere")
    folder = tmp_path / "fifo"
    folder.mkdir()
    for name, target in (("env_a_1.npz", path), ("env_b_2.npz", "gone.npz"), ("env_c_3.npz", "env_c_3.npz")):
        (folder / name).symlink_to(target)
    index = FileIndex(folder, timed=True)
    index.refresh()

    assert ["env_a_1.npz"] == list(index.files)
    assert 1 == index.evict(0)
    assert path.exists()  # the link has gone, not the file
