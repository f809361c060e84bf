from __future__ import annotations

import errno
import fcntl
import gc
import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument
from ding_buffer.storages import shared_segment
from ding_buffer.storages.shared_segment import PREFIX, SharedSegment
from ding_buffer.storages.shared_storage import SharedStorage
from tests.storages.shared_processes import (
    files,
    make_and_fork,
    make_and_wait,
    numbers,
    process,
    push_counted,
    push_from_storage,
    push_wide_rows,
    reader_of,
    row,
    running,
    shared,
    storage_of,
    until,
)

# Libraries that earlier tests used may have left threads; a child runs none of their code.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
NAME = f"test-{secrets.token_hex(8)}"
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def alone(monkeypatch):
    """A folder of shared memory in which no other run of these tests makes or removes anything."""
    with tempfile.TemporaryDirectory(prefix="test-", dir=shared_segment._folder()) as folder:
        monkeypatch.setattr(shared_segment, "_FOLDER", Path(folder))
        yield Path(folder)


def made(name=NAME, size=4096, head=b"head"):
    return SharedSegment.create(name, size, lambda segment: segment.write(head))


def test_what_one_writes_the_other_reads():
    one = made()
    other = SharedSegment.attach(NAME)
    one.array(8, (2,), np.int64)[:] = [5, 6]

    assert [5, 6] == other.array(8, (2,), np.int64).tolist()
    assert (4096, 4096) == (one.size, other.size)
    assert b"head" == other.array(0, (4,), np.uint8).tobytes()
    one.leave()
    other.leave()


def test_the_last_to_leave_takes_the_files_along():
    one = made()
    other = SharedSegment.attach(NAME)
    assert one.claim(0)
    one.leave()
    one.leave()
    assert [NAME, f"{NAME}.writer0"] == files(NAME)
    other.leave()
    assert [] == files(NAME)
    with pytest.raises(BadArgument, match=f"There is no shared memory named '{NAME}'"):
        SharedSegment.attach(NAME)


def test_a_number_is_claimed_once_until_it_is_given_up():
    one = made()
    other = SharedSegment.attach(NAME)

    assert one.claim(3)
    assert not other.claim(3)
    assert not one.claim(3)
    assert other.claim(4)
    one.leave()
    assert other.claim(3)
    assert other.claims(3)
    other.leave()


@contextmanager
def _interrupted(owner, name, after=True):
    """A function is broken off the first time it is called, before it is done or after."""
    function, calls = getattr(owner, name), []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) > 1:
            return function(*arguments)
        if after:
            function(*arguments)
        raise KeyboardInterrupt

    gc.disable()  # or the first to call it may be the finalizer of a buffer of before
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, interrupted)
            yield
    finally:
        gc.enable()


def test_who_does_not_come_to_attach_keeps_nothing():
    one = made()
    with _interrupted(shared_segment, "_mapped"), pytest.raises(KeyboardInterrupt):
        SharedSegment.attach(NAME)
    one.leave()
    assert [] == files(NAME)


@pytest.mark.parametrize("after", [False, True])
def test_a_number_is_free_where_claiming_it_was_broken_off(after):
    one = made()
    with _interrupted(fcntl, "flock", after), pytest.raises(KeyboardInterrupt):
        one.claim(0)
    assert one.claim(0)
    one.leave()


def test_leaving_that_was_broken_off_is_done_by_leaving_again():
    one = made()
    assert one.claim(0)
    assert one.claim(1)
    with _interrupted(os, "close"), pytest.raises(KeyboardInterrupt):
        one.leave()
    one.leave()
    one.leave()
    assert not one.attached
    assert [] == files(NAME)


def test_a_name_in_use_is_refused():
    one = made()
    with pytest.raises(BadArgument, match=f"named '{NAME}' already, and it is in use"):
        made()
    assert [NAME] == files(NAME)
    one.leave()


def test_one_can_wait_for_what_is_not_there_yet():
    with pytest.raises(BadArgument, match="There is no shared memory"):
        SharedSegment.attach(NAME, wait=0.02)


def test_half_made_memory_is_never_found():
    def fail(segment):
        assert [] == files(NAME)
        raise KeyError("while filling")

    with pytest.raises(KeyError, match="while filling"):
        SharedSegment.create(NAME, 4096, fail)
    assert [] == files(NAME)


def test_more_memory_than_there_is_is_refused_at_once(monkeypatch):
    def full(descriptor, offset, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"4,096 bytes of shared memory are not to be had in .*shm-size"):
        made()


def test_names_that_no_file_can_have_are_refused():
    names: list[Any] = ["", "a/b", "../x", ".hidden", 5]
    for name in names:
        with pytest.raises(BadArgument, match="A name of shared memory is made of letters"):
            SharedSegment.attach(name)


def test_without_unnamed_files_it_is_made_all_the_same(monkeypatch, alone):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    one = made()
    assert [alone / NAME] == [*alone.iterdir()]
    one.leave()
    assert [] == [*alone.iterdir()]


def test_memory_that_is_none_of_a_storage_is_refused():
    one = made()
    with pytest.raises(BadArgument, match=f"The shared memory '{NAME}' is not that of a SharedStorage"):
        SharedStorage.attach(NAME)
    one.leave()
    assert [] == files(NAME)


# Processes.


def test_a_spawned_process_is_sent_the_storage_and_pushes():
    buffer = DequeBuffer(100, storage=shared(), seed=0)
    child = process(push_from_storage, storage_of(buffer), 50)
    with running(child):
        child.join()

    assert 0 == child.exitcode
    assert list(range(50)) == numbers(buffer)
    assert {7} == {item.meta["env"] for item in buffer}


def test_a_forked_process_writes_as_somebody_else_and_leaves_alone():
    buffer = DequeBuffer(100, storage=shared(writers=2), seed=0)
    buffer.push(row(1))

    def push():
        buffer.push(row(2))
        assert 1 == storage_of(buffer).writer

    child = FORK.Process(target=push)
    with running(child):
        child.join()
    assert 0 == child.exitcode
    assert [1, 2] == numbers(buffer)
    assert 0 == storage_of(buffer).writer
    buffer.push(row(3))
    name = storage_of(buffer).name
    assert [name, f"{name}.writer0", f"{name}.writer1"] == files(name)
    storage_of(buffer).close()
    assert [] == files(name)


def test_a_forked_process_that_is_the_last_takes_the_files_along():
    buffer = DequeBuffer(4, storage=shared(), seed=0)
    name = storage_of(buffer).name
    parent_left, child_ready = FORK.Event(), FORK.Event()

    def linger():
        child_ready.set()
        parent_left.wait(60)
        buffer.push(row(1))

    child = FORK.Process(target=linger)
    with running(child):
        assert child_ready.wait(60)
        storage_of(buffer).close()
        assert [name] == files(name)
        parent_left.set()
        child.join()
    assert 0 == child.exitcode
    assert [] == files(name)


def _ever_pushed(buffer):
    with buffer.store.lock:  # lets in what has arrived
        stats = buffer.stats()
        return stats["pushed"] + stats["missed"]


def test_when_a_writer_is_killed_the_others_go_on_and_its_number_is_free():
    wide = {"first": np.int64, "wide": (np.int64, (4096,)), "last": np.int64}
    storage = SharedStorage(wide, writers=2, meta={"number": int, "env": int})
    buffer = DequeBuffer(8, storage=storage, seed=0)
    victim, survivor = (process(push_wide_rows, storage.name, writer) for writer in range(2))
    with running(victim, survivor):
        until(lambda: {0, 1} == {item.meta["env"] for item in buffer})
        with pytest.raises(BadArgument, match="is taken, by a process that is alive"):
            reader_of(buffer, writer=0)
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        before = _ever_pushed(buffer)
        until(lambda: _ever_pushed(buffer) > before + 100)  # by the survivor

        heir = reader_of(buffer, writer=0)
        assert 0 == storage_of(heir).writer
        until(lambda: {0, 1} == {item.meta["env"] for item in heir})
        for number in range(20):
            heir.push({"first": -number, "wide": np.full(4096, -number), "last": -number}, {"env": 0})
        mine = [item.data["first"] for item in buffer if item.meta["env"] == 0]
        assert [-16, -17, -18, -19] == mine
    heir.store.check()
    buffer.store.check()
    name = storage.name
    storage_of(heir).close()
    assert [name, f"{name}.writer0", f"{name}.writer1"] == files(name)
    storage.close()
    assert [] == files(name)


def test_the_last_one_out_may_be_anybody_however_the_others_went():
    buffer = DequeBuffer(8, storage=shared(writers=2), seed=0)
    name = storage_of(buffer).name
    children = [process(push_counted, name, 0, 50), process(make_and_wait, f"{NAME}-other")]
    with running(*children):
        children[0].join()
        last = SharedStorage.attach(f"{NAME}-other", wait=60)
        heir = DequeBuffer(8, storage=last)
        until(lambda: len(heir) == 1)
        os.kill(children[1].pid, signal.SIGKILL)
        children[1].join()
        assert [f"{NAME}-other", f"{NAME}-other.writer0"] == files(f"{NAME}-other")
        assert [41] == numbers(heir)
        last.close()
        assert [] == files(f"{NAME}-other")
    storage_of(buffer).close()
    assert [] == files(name)


def test_an_orphan_made_by_fork_takes_the_files_along():
    name = f"{NAME}-orphan"
    parent = process(make_and_fork, name)
    with running(parent):
        until(lambda: f"{name}.writer0" in files(name))
        reader = DequeBuffer(8, storage=SharedStorage.attach(name))
        until(lambda: [40] == numbers(reader))
        parent.kill()
        until(lambda: [40, 41] == numbers(reader))
        storage_of(reader).close()
        until(lambda: not files(name))


@pytest.mark.parametrize("chosen", [True, False], ids=["a chosen name", "a random name"])
def test_what_is_left_when_all_are_killed_goes_when_the_next_is_made(alone, chosen):
    name = NAME if chosen else f"{PREFIX}{secrets.token_hex(8)}"
    child = FORK.Process(target=make_and_wait, args=(name,))  # into the same folder
    with running(child):
        until(lambda: f"{name}.writer0" in files(name))
        child.kill()
        child.join()
    assert [name, f"{name}.writer0"] == files(name)

    buffer = DequeBuffer(8, storage=shared(name=name if chosen else None))
    assert 0 == len(buffer)
    assert [storage_of(buffer).name] == [path.name for path in alone.iterdir()]
    storage_of(buffer).close()
    assert [] == [*alone.iterdir()]


_QUIET = """
import multiprocessing, sys
import numpy as np
from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.storages.shared_storage import SharedStorage

def push(storage):
    storage.claim()
    DequeBuffer(storage.capacity, storage=storage).push({"n": 5})

if __name__ == "__main__":
    buffer = DequeBuffer(9, storage=SharedStorage({"n": np.int64}, writers=3))
    buffer.push({"n": 4})
    for method in ("spawn", "fork"):
        child = multiprocessing.get_context(method).Process(target=push, args=(buffer.store.storage,))
        child.start()
        child.join()
        assert child.exitcode == 0
    print(buffer.store.storage.name, [int(item.data["n"]) for item in buffer])
"""


def test_no_process_warns_of_anything_and_nothing_is_left(tmp_path):
    script = tmp_path / "quiet.py"
    script.write_text(_QUIET)
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        timeout=120,
        check=False,
    )
    assert "" == ended.stderr
    name, told = ended.stdout.split(maxsplit=1)
    assert "[4, 5, 5]" == told.strip()
    assert [] == files(name)
