from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument
from ding_buffer.middleware.removals import track_removed
from ding_buffer.replay.used_data_remover import UsedDataRemover

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


def files(folder, count, prefix="item"):
    paths = [folder / f"{prefix}_{number}" for number in range(count)]
    for path in paths:
        path.write_text("data")
    return paths


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def removing(before):
    """Returns how many threads of removers there are that were not there before."""
    return sum(thread.name == "used data remover" for thread in set(threading.enumerate()) - before)


def test_files_are_removed_by_any_form_of_their_path(folder):
    files(folder, 6)
    (folder / "below").mkdir()
    (folder / "below" / "deep").touch()
    with UsedDataRemover(folder) as remover:
        assert remover.running
        remover.add_used_data({"data_id": "item_0", "obs": 1})
        remover.add_used_data({"data_id": folder / "item_1"})
        remover.add_used_data(str(folder / "item_2"))
        remover.add_used_data(folder / "item_3")
        remover.add_used_data("item_4")
        remover.add_used_data("below/deep")

    assert not remover.running
    assert ["below", "item_5"] == left(folder)
    assert [] == left(folder / "below")
    assert {"added": 6, "waiting": 0, "removed": 6, "missing": 0, "failed": 0} == remover.stats()


def test_without_a_directory_it_is_the_working_one_of_that_moment(folder, monkeypatch):
    (path,) = files(folder, 1)
    monkeypatch.chdir(folder)
    remover = UsedDataRemover()
    monkeypatch.chdir(folder.parent)
    remover.add_used_data("item_0")
    remover.close()

    assert folder.resolve() == remover.directory
    assert not path.exists()
    with pytest.raises(BadArgument, match="outside of which nothing is removed"):
        remover.add_used_data(folder.parent / "other")


@pytest.mark.parametrize(
    "outside",
    [
        "/no_such_folder/secret",
        "../secret",
        "below/../../secret",
        "below/../item_0",
        "out/secret",
        "to_secret",
        ".",
        "/",
    ],
)
def test_s2_a_path_that_leaves_the_directory_is_refused_when_it_is_added(folder, outside):
    files(folder, 1)
    secret = folder.parent / "secret"
    secret.write_text("mine")
    (folder / "below").mkdir()
    (folder / "out").symlink_to(folder.parent)
    (folder / "to_secret").symlink_to(secret)
    before = left(folder)
    with UsedDataRemover(folder) as remover:
        for data in (outside, {"data_id": outside}, str(folder.parent / "secret")):
            with pytest.raises(BadArgument):
                remover.add_used_data(data)

    assert "mine" == secret.read_text()
    assert before == left(folder)
    assert 0 == remover.stats()["added"]


@pytest.mark.parametrize(
    "name", ["; touch {}", "$(touch {})", "`touch {}`", "* | touch {}", "-rf", "a b", "'\"", "é", "\n", "~"]
)
def test_s2_no_name_reaches_a_shell(folder, name):
    witness = folder.parent / "witness"
    name = name.format(witness.name)
    kept, doomed = files(folder, 1)[0], folder / name
    doomed.touch()
    with UsedDataRemover(folder) as remover:
        remover.add_used_data({"data_id": name})

    assert ([kept.name], 1) == (left(folder), remover.stats()["removed"])
    assert not witness.exists()


@pytest.mark.parametrize(
    "wrong",
    [None, 5, 0, 1.5, "", b"item_0", {}, {"data_id": None}, {"data_id": 0}, {"id": "x"}, ["a"], "a\0b"],
)
def test_what_names_no_file_is_refused(folder, wrong):
    with UsedDataRemover(folder) as remover, pytest.raises(BadArgument):
        remover.add_used_data(wrong)
    assert 0 == remover.stats()["added"]


def test_a_link_inside_goes_and_what_it_points_to_stays(folder):
    (path,) = files(folder, 1)
    (folder / "link").symlink_to(path)
    with UsedDataRemover(folder) as remover:
        remover.add_used_data("link")

    assert ["item_0"] == left(folder)


def test_a_link_that_leads_in_circles_does_no_harm(folder):
    files(folder, 1)
    (folder / "loop").symlink_to(folder / "loop")
    with (
        UsedDataRemover(folder) as remover,
        contextlib.suppress(BadArgument),
    ):  # as the version of Python has it
        remover.add_used_data("loop/item_0")

    assert "item_0" in left(folder)
    assert 0 == remover.stats()["removed"]


def test_a_directory_that_is_itself_a_link_is_followed_once(folder):
    files(folder, 1)
    (folder.parent / "alias").symlink_to(folder)
    with UsedDataRemover(folder.parent / "alias") as remover:
        remover.add_used_data(folder.parent / "alias" / "item_0")

    assert [] == left(folder)


def test_a_link_that_is_put_in_the_way_later_leads_nowhere(folder):
    secret = folder.parent / "secret"
    secret.mkdir()
    files(secret, 1)
    (folder / "below").mkdir()
    files(folder / "below", 1)
    told = []
    remover = UsedDataRemover(folder, on_error=lambda path, error: told.append((path, type(error))))
    remover.add_used_data("below/item_0")
    (folder / "below").rename(folder / "moved")
    (folder / "below").symlink_to(secret)
    remover.close()

    assert ["item_0"] == left(secret) == left(folder / "moved")
    assert [(folder / "below" / "item_0", BadArgument)] == told
    assert 1 == remover.stats()["failed"]


def test_a_missing_file_is_counted_and_no_error(folder, caplog):
    files(folder, 1)
    with UsedDataRemover(folder) as remover:
        for _ in range(3):
            remover.add_used_data("item_0")
        remover.add_used_data("nowhere/item_0")

    assert (1, 3, 0) == tuple(remover.stats()[key] for key in ("removed", "missing", "failed"))
    assert [] == remover.failures
    assert "item_0" not in caplog.text
    assert "nowhere" not in caplog.text


def test_what_cannot_be_removed_is_kept_told_and_keeps_nothing_else_from_going(folder, caplog):
    (folder / "below").mkdir()
    (folder / "below" / "kept").touch()
    files(folder, 1)
    with UsedDataRemover(folder) as remover:
        remover.add_used_data("below")
        remover.add_used_data("item_0")

    ((path, error),) = remover.failures
    assert folder / "below" == path
    assert isinstance(error, OSError)
    assert {"added": 2, "waiting": 0, "removed": 1, "missing": 0, "failed": 1} == remover.stats()
    assert "below could not be removed" in caplog.text
    assert ["below"] == left(folder)
    assert (folder / "below" / "kept").exists()


def test_what_is_added_before_the_start_waits_for_it(folder):
    files(folder, 3)
    remover = UsedDataRemover(folder)
    remover.add_used_data("item_0")
    assert 1 == remover.stats()["waiting"]
    assert 3 == len(left(folder))
    remover.start()
    remover.close()
    assert ["item_1", "item_2"] == left(folder)
    remover.add_used_data("item_1")
    remover.close()
    assert ["item_2"] == left(folder)


def test_t5_it_can_be_started_and_closed_again_and_again(folder):
    before, remover = set(threading.enumerate()), UsedDataRemover(folder)
    remover.close()
    for turn in range(3):
        files(folder, 4)
        remover.start()
        remover.start()
        assert 1 == removing(before)
        for number in range(4):
            remover.add_used_data(f"item_{number}")
        remover.close()
        remover.close()
        assert [] == left(folder)
        assert 4 * (turn + 1) == remover.stats()["removed"]
        assert 0 == removing(before)


def test_t5_its_thread_blocks_and_asks_for_each_file_once(folder):
    files(folder, 3)
    remover, asked = UsedDataRemover(folder), []

    class Watched:
        def __init__(self, queue):
            self.put, self.get_nowait, self._queue = queue.put, queue.get_nowait, queue

        def get(self, *args, **kwargs):
            asked.append((args, kwargs))
            return self._queue.get(*args, **kwargs)

    remover._work._queue = Watched(remover._work._queue)  # type: ignore[assignment]
    with remover:
        for number in range(3):
            remover.add_used_data(f"item_{number}")

    assert [((), {})] * 4 == asked, "a wait without a timeout for each file and for the end"


def test_t3_a_remover_that_is_dropped_removes_what_is_left_and_leaves_no_thread(folder):
    files(folder, 20)
    before, remover = set(threading.enumerate()), UsedDataRemover(folder)
    remover.start()
    for number in range(20):
        remover.add_used_data(f"item_{number}")
    gone = weakref.ref(remover)
    del remover
    gc.collect()

    assert gone() is None
    assert [] == left(folder)
    assert 0 == removing(before)


def test_nothing_is_lost_where_nobody_closes_it_before_the_interpreter_ends(folder):
    files(folder, 300)
    code = (
        "import sys\nfrom ding_buffer.replay.used_data_remover import UsedDataRemover\n"
        "remover = UsedDataRemover(sys.argv[1])\nremover.start()\n"
        "[remover.add_used_data(f'item_{number}') for number in range(300)]\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, folder], env=environment, timeout=60, check=False)

    assert 0 == done.returncode
    assert [] == left(folder)


def test_many_threads_add_start_and_close_and_every_file_goes_once(folder):
    paths = files(folder, 400)
    remover = UsedDataRemover(folder)

    def add(part):
        for path in paths[part::4]:
            remover.add_used_data({"data_id": path})

    def restart(_):
        for _ in range(40):
            remover.start()
            remover.close()

    with ThreadPoolExecutor(6) as pool:
        for job in [
            *(pool.submit(add, part) for part in range(4)),
            *(pool.submit(restart, n) for n in range(2)),
        ]:
            job.result(60)
    remover.close()

    assert [] == left(folder)
    assert {"added": 400, "waiting": 0, "removed": 400, "missing": 0, "failed": 0} == remover.stats()


def test_an_error_of_on_error_ends_the_thread_and_loses_nothing(folder, monkeypatch):
    (folder / "below").mkdir()
    files(folder, 5)
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_value))

    def on_error(path, error):
        raise LookupError(path.name)

    remover = UsedDataRemover(folder, on_error=on_error)
    remover.add_used_data("below")
    for number in range(5):
        remover.add_used_data(f"item_{number}")
    remover.start()
    remover.close()

    assert ["below"] == [str(error) for error in seen]
    assert ["below"] == left(folder)
    assert {"added": 6, "waiting": 0, "removed": 5, "missing": 0, "failed": 1} == remover.stats()


def test_on_error_may_close_it(folder):
    (folder / "below").mkdir()
    files(folder, 3)
    closed = threading.Event()

    def on_error(path, error):
        remover.close()
        closed.set()

    remover = UsedDataRemover(folder, on_error=on_error)
    remover.add_used_data("below")
    for number in range(3):
        remover.add_used_data(f"item_{number}")
    remover.start()
    assert closed.wait(60)
    remover.close()

    assert ["below"] == left(folder)


def test_of_very_many_failures_the_newest_are_kept_and_all_are_counted(folder):
    (folder / "below").mkdir()
    remover = UsedDataRemover(folder, on_error=lambda path, error: None)
    for _ in range(1100):
        remover.add_used_data("below")
    remover.close()

    assert (1000, 1100) == (len(remover.failures), remover.stats()["failed"])


def test_files_of_items_that_leave_a_buffer_are_removed(folder):
    paths = files(folder, 8)
    with UsedDataRemover(folder) as remover:

        def to(items, reason):
            for item in items:
                remover.add_used_data(item.data)

        buffer = DequeBuffer(3, seed=0).use(track_removed(to))
        for path in paths:
            buffer.push({"data_id": path.name})
        buffer.delete(buffer[0].index)

    assert ["item_6", "item_7"] == left(folder)
    assert [item.data["data_id"] for item in buffer] == left(folder)
