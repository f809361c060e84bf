"""How worker buffers begin and end, what they leave behind, and who is told."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.structures.clock import ManualClock
from tests.replay.faces import FACES, MONITORED, Writer, held, item, sample


@pytest.mark.parametrize("face", FACES)
def test_nothing_is_written_to_disk_by_making_using_and_closing_one(face, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with face({"replay_buffer_size": 4}, exp_name="some_experiment") as made:
        made.push([item(number) for number in range(4)], 0)
        sample(made, 2)

    assert [] == list(Path(tmp_path).iterdir())


@pytest.mark.parametrize("face", FACES)
def test_close_may_be_called_again_and_leaves_no_thread(face) -> None:
    before = set(threading.enumerate())
    made = face()
    made.close()
    made.close()
    made.start()
    made.start()
    made.close()

    assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("face", FACES)
def test_close_clears_and_flushes_the_writer_and_leaves_it_open(face) -> None:
    writer = Writer()
    with face({}, writer, "experiment", "mine") as made:
        made.push([item(0)], 0)

    assert 0 == made.count()
    assert 1 <= writer.flushed
    assert 0 == writer.closed


@pytest.mark.parametrize("face", FACES)
def test_a_closed_buffer_can_be_started_again(face) -> None:
    made = face()
    made.close()
    made.start()
    made.push([item(0)], 0)

    assert 1 == made.count()
    made.close()


@pytest.mark.parametrize("face", MONITORED)
def test_what_came_and_went_is_reported_when_the_period_is_over(face) -> None:
    writer, clock = Writer(), ManualClock()
    periods: dict[str, Any] = {"periodic_thruput_seconds": 10}
    if face is AdvancedReplayBuffer:
        periods = {"monitor": {"periodic_thruput": {"seconds": 10}}}
    made = face({"replay_buffer_size": 3, **periods}, writer, instance_name="mine", clock=clock)
    made.push([item(number) for number in range(5)], 0)
    sample(made, 2)
    thruput = {tag: values for tag, values in writer.scalars.items() if "_sec/" in tag}
    assert {} == thruput
    clock.advance(11)
    sample(made, 1)

    assert {
        "mine_sec/pushed_in": [5],
        "mine_sec/sampled_out": [3],
        "mine_sec/removed": [2],
        "mine_sec/current_have": [3],
    } == writer.scalars
    made.close()
    assert [2, 3] == writer.scalars["mine_sec/removed"]


@pytest.mark.parametrize("face", FACES)
def test_only_the_first_process_reports(face, monkeypatch) -> None:
    monkeypatch.setenv("RANK", "1")
    writer = Writer()
    with face({}, writer) as made:
        made.push([item(number) for number in range(5)], 0)
        sample(made, 2)

    assert {} == writer.scalars


@pytest.mark.parametrize("face", MONITORED)
def test_with_track_used_data_an_item_without_a_path_is_refused_before_anything_is_stored(face) -> None:
    made = face({"enable_track_used_data": True})
    for wrong in ({"n": 1}, {"data_id": None}, {"data_id": "../other"}):
        with pytest.raises(BadArgument, match="data"):
            made.push([{"data_id": "one"}, wrong], 0)

    assert 0 == made.push_count
    made.close()


@pytest.mark.parametrize("face", MONITORED)
def test_files_of_items_that_left_are_removed_and_those_of_held_ones_only_at_the_end(face, tmp_path) -> None:
    files = [tmp_path / f"{number}.npy" for number in range(5)]
    for file in files:
        file.write_bytes(b"data")
    cfg = {"replay_buffer_size": 3, "enable_track_used_data": True, "used_data_directory": str(tmp_path)}
    with face(cfg) as made:
        made.push([{"data_id": str(file)} for file in files], 0)
        made._used_data.remover.close()  # waits until it has done what it was given
        made._used_data.remover.start()
        assert [False, False, True, True, True] == [file.exists() for file in files]

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("face", FACES)
def test_a_closed_buffer_takes_and_gives_as_an_empty_one_warns_once_and_is_closed_again(face, caplog) -> None:
    made = face()
    made.push([item(0)], 0)
    made.close()
    assert sample(made, 1) is None
    for number in (1, 2):
        made.push([item(number)], 0)

    assert [1, 2] == held(made)
    assert {1, 2} >= {data["n"] for data in sample(made, 1) or ()}
    assert 1 == caplog.text.count("buffer: push() after close()")
    made.close()
    assert 0 == made.count()
    made.start()
    made.push([item(3)], 0)
    assert 1 == caplog.text.count("push() after close()")


@pytest.mark.parametrize("face", FACES)
def test_a_second_close_touches_nothing(face) -> None:
    writer = Writer()
    made = face({}, writer)
    made.close()
    before = writer.flushed
    made.close()

    assert before == writer.flushed


@pytest.mark.parametrize("face", MONITORED)
def test_files_of_what_was_pushed_after_close_are_removed_by_the_next(face, tmp_path) -> None:
    cfg = {"replay_buffer_size": 2, "enable_track_used_data": True, "used_data_directory": tmp_path}
    with face(cfg) as made:
        made.close()
        for number in range(5):
            (tmp_path / str(number)).write_text("data")
            made.push({"data_id": str(number)}, 0)
        assert 5 == len(list(tmp_path.iterdir()))

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("face", MONITORED)
def test_a_close_that_is_broken_off_is_done_by_the_next(face, tmp_path, monkeypatch) -> None:
    before = set(threading.enumerate())
    made = face({"enable_track_used_data": True, "used_data_directory": tmp_path})
    made.start()
    (tmp_path / "one").write_text("data")
    made.push({"data_id": "one"}, 0)

    def strike() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(made._used_data, "close", strike)
        with pytest.raises(KeyboardInterrupt):
            made.close()
    made.close()

    assert [] == list(tmp_path.iterdir())
    assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("face", FACES)
def test_whoever_is_told_at_the_end_may_close_it_too(face) -> None:
    """As a signal handler may that strikes while the buffer is being closed."""

    class Closing(Writer):
        def flush(self) -> None:
            super().flush()
            if self.flushed < 3:
                made.close()

    writer = Closing()
    made = face({}, writer)
    closing = threading.Thread(target=made.close, daemon=True)
    closing.start()
    closing.join(60)

    assert not closing.is_alive()
    assert 1 <= writer.flushed


@pytest.mark.parametrize("face", MONITORED)
def test_whoever_is_told_may_close_it_while_another_thread_does(face) -> None:
    class Closing(Writer):
        def add_scalar(self, tag: str, value: float, step: int) -> None:
            super().add_scalar(tag, value, step)
            if not other.ident:
                other.start()
                while not made.buffer.store.lock.awaited and other.is_alive():
                    time.sleep(0)
                made.close()

    clock = ManualClock()
    made = face({}, Closing(), clock=clock)
    other = threading.Thread(target=made.close, daemon=True)
    clock.advance(61)
    pushing = threading.Thread(target=made.push, args=([item(0)], 0), daemon=True)
    pushing.start()
    for thread in (pushing, other):
        thread.join(20)
        assert not thread.is_alive()

    assert 0 == made.count()


@pytest.mark.parametrize("face", MONITORED)
def test_a_buffer_that_was_started_again_reports_again(face) -> None:
    writer = Writer()
    made = face({}, writer, instance_name="mine")
    made.close()
    made.start()
    made.push([item(0)], 0)
    made.close()

    assert [1] == writer.scalars["mine_sec/pushed_in"]
