"""The files a disk dataset draws from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ding_buffer.testing.distribution import surprise
from ding_buffer.trajectories import file_pool
from ding_buffer.trajectories.file_pool import FilePool
from ding_buffer.trajectories.traj_file import steps_in_file
from ding_buffer.trajectories.trajectory_errors import NoTrajectories
from tests.trajectories.made import frozen_traj, trajectory, write


def pool(folder: Path, sample_by: str = "files", stratified: bool = False) -> FilePool:
    made = FilePool(folder / "fifo", folder / "protected", sample_by, stratified)
    made.refresh()
    return made


def drawn(made: FilePool, draws: int) -> Counter[str]:
    rng = np.random.default_rng(0)
    return Counter(made.draw(rng).stem for _ in range(draws))


def test_it_draws_from_both_folders(tmp_path: Path) -> None:
    paths = [*write(tmp_path / "fifo", 2), *write(tmp_path / "protected", 1, begin=5.0)]
    made = pool(tmp_path)

    assert 3 == len(made)
    assert [str(path) for path in paths] == made.paths()
    assert sum(path.stat().st_size for path in paths) == made.nbytes
    assert {path.stem for path in paths} == drawn(made, 100).keys()


@pytest.mark.parametrize("stratified", [False, True])
def test_files_come_each_as_often_and_steps_each_as_often(tmp_path: Path, stratified: bool) -> None:
    for steps in (1, 3, 6):
        frozen_traj(steps).save_to_disk(tmp_path / "fifo" / str(steps))
    trajectory(10).save_to_disk(tmp_path / "protected" / "10", "trajectory")
    by_files = drawn(pool(tmp_path, "files", stratified), 10_000)
    by_steps = drawn(pool(tmp_path, "steps", stratified), 10_000)

    names = ["1", "3", "6", "10"]
    assert surprise([by_files[name] for name in names], [2500] * 4) < 4
    assert surprise([by_steps[name] for name in names], [500 * int(name) for name in names]) < 4


def test_the_steps_of_a_file_are_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "fifo", 3)
    looked: list[Path] = []

    def watched(path: Path) -> int:
        looked.append(path)
        return steps_in_file(path)

    monkeypatch.setattr(file_pool, "steps_in_file", watched)
    made = pool(tmp_path, "steps")
    drawn(made, 20)
    write(tmp_path / "fifo", 1, begin=5.0)
    made.refresh()
    drawn(made, 20)

    assert 4 == len(looked) == len(set(looked))


def test_a_file_whose_steps_cannot_be_read_is_drawn_as_one_step_so_that_it_is_told(tmp_path: Path) -> None:
    frozen_traj(4).save_to_disk(tmp_path / "fifo" / "whole")
    (tmp_path / "fifo" / "torn.npz").write_bytes(b"PK")
    counts = drawn(pool(tmp_path, "steps"), 10_000)

    assert surprise([counts["torn"], counts["whole"]], [2000, 8000]) < 4


def test_the_steps_are_known_before_workers_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "fifo", 3)
    made = pool(tmp_path, "steps")
    monkeypatch.setattr(file_pool, "steps_in_file", None)

    assert 3 == len(drawn(made, 50))


def test_what_is_left_out_takes_part_again_after_a_refresh(tmp_path: Path) -> None:
    paths = write(tmp_path / "fifo", 2)
    made = pool(tmp_path)
    made.leave_out(paths[0])

    assert {paths[1].stem} == drawn(made, 50).keys()
    made.refresh(forgive=False)
    assert {paths[1].stem} == drawn(made, 50).keys()
    made.refresh()
    assert {path.stem for path in paths} == drawn(made, 50).keys()


def test_nothing_to_draw_is_told(tmp_path: Path) -> None:
    made = pool(tmp_path)
    with pytest.raises(NoTrajectories, match=r"no trajectory to draw in .*fifo or .*protected\."):
        drawn(made, 1)
    (path,) = write(tmp_path / "fifo")
    made.refresh()
    made.leave_out(path)
    with pytest.raises(IndexError, match="1 files are gone or cannot be read"):
        drawn(made, 1)


def test_the_same_files_are_drawn_in_the_same_order_wherever_they_lie(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "fifo", 5)
    rngs = [np.random.default_rng(3), np.random.default_rng(3)]
    pools = [pool(tmp_path / name) for name in ("a", "b")]
    draws = [[made.draw(rng).name for _ in range(20)] for made, rng in zip(pools, rngs, strict=True)]

    assert draws[0] == draws[1]


def test_another_way_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sample_by must be one of files, steps"):
        pool(tmp_path, "bytes")
