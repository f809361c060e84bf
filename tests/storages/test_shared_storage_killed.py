"""Wherever a process is killed, the others go on, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal

import numpy as np
import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, NotEnoughItems, Overtaken
from ding_buffer.storages.shared_storage import SharedStorage
from tests.storages.broken_off import Breaker
from tests.storages.shared_processes import WIDE, files, numbers, reader_of, row, shared, storage_of, until

# Libraries that earlier tests used may have left threads; a child runs none of their code.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
NAME = f"test-{secrets.token_hex(8)}"
_EVERY = 61


class _Killer(Breaker):
    """Kills the process before the n-th line that runs in the package, as the system would."""

    def _strike(self):
        os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def _child(action):
    """Forks a process that does something; kills it in the end."""
    pid = os.fork()
    if not pid:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _killed(action, line):
    """Does an action in a process that is killed at a line; returns False where it came to its end before."""

    def do():
        with _Killer(line):
            action()

    pid = os.fork()
    if not pid:
        try:
            do()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def _wide(*values):
    column = np.array(values)
    return {"first": column, "wide": np.repeat(column[:, None], 4096, 1), "last": column}


def _push_wide(buffer, *values):
    buffer.extend(_wide(*values), {"number": np.array(values)})


def _write(name, start):
    """Pushes one row, three, and replaces one."""
    buffer = DequeBuffer(8, storage=SharedStorage.attach(name, 0))
    _push_wide(buffer, start)
    _push_wide(buffer, start + 1, start + 2, start + 3)
    payload = {"first": start, "wide": np.full(4096, start), "last": start}
    buffer.update(buffer[-4].index, data=payload)
    buffer.push(payload, {"number": start})


def _whole(buffer):
    """Raises where a row is torn; returns the numbers that are there."""
    buffer.store.check()
    for item in buffer:
        assert item.data["first"] == item.data["last"] == item.meta["number"]
        assert (item.data["wide"] == item.data["first"]).all()
    return [item.meta["number"] for item in buffer]


def test_a_writer_killed_at_any_line_leaves_whole_rows_and_its_number():
    with SharedStorage(WIDE, meta={"number": int}) as storage:
        reader = DequeBuffer(8, storage=storage, seed=0)
        line, given_up = 3, 0
        while True:
            start = 100 * line
            four = [*range(start, start + 4)]
            killed = _killed(lambda start=start: _write(storage.name, start), line)
            there = _whole(reader)
            came = [number for number in there if number >= start]
            assert came in (
                [],
                [start],
                four,
                four[1:],
                [*four, start],
            )  # one whose payload is half replaced goes
            given_up += came == four[1:]
            with SharedStorage.attach(storage.name, 0) as heir:
                buffer = DequeBuffer(8, storage=heir)
                assert there == _whole(buffer)
                _push_wide(buffer, start + 10, start + 11)
                assert [start + 10, start + 11] == _whole(reader)[-2:] == _whole(buffer)[-2:]
                del buffer
            if not killed:
                break
            line += _EVERY
        assert given_up == reader.stats()["missed"]
        assert line > 20 * _EVERY
        name = storage.name
    assert [] == files(name)


def _write_on(name):
    """Pushes wide rows, many at once and single, until it is killed."""
    storage = SharedStorage.attach(name, 0, follow=False)
    buffer, number = DequeBuffer(8, storage=storage), os.getpid() << 20
    while True:
        _push_wide(buffer, *range(number, number + 5))
        _push_wide(buffer, number + 5)
        number += 6


def test_a_writer_killed_in_the_middle_of_a_row_leaves_no_half_of_it():
    rng, drawn = random.Random(0), 0
    with SharedStorage(WIDE, meta={"number": int}) as storage:
        reader = DequeBuffer(8, storage=storage, seed=0)
        for _ in range(20):
            with _child(lambda: _write_on(storage.name)) as pid:
                until(lambda pid=pid: any(item.meta["number"] >> 20 == pid for item in reader))
                for _ in range(rng.randrange(1, 12)):
                    with contextlib.suppress(Overtaken, NotEnoughItems):  # where the writer is much faster
                        batch = reader.sample(4, replace=True)
                        assert batch.data["first"].tolist() == batch.meta["number"].tolist()
                        assert (batch.data["wide"] == batch.data["last"][:, None]).all()
                        drawn += len(batch)
            _whole(reader)
        assert drawn > 20
        assert 0 == storage.claim()
        _push_wide(reader, 1, 2)
        assert [1, 2] == _whole(reader)[-2:]
        name = storage.name
    assert [] == files(name)


def test_a_reader_killed_at_any_line_is_missed_by_nobody():
    one = DequeBuffer(8, storage=shared(), seed=0)
    name, line = storage_of(one).name, 5

    def read():
        buffer = reader_of(one)
        buffer.sample(4, replace=True)
        buffer.delete(buffer[0].index)

    one.extend([row(number) for number in range(6)])
    while _killed(read, line):
        one.push(row(line))
        assert line == reader_of(one)[-1].data["n"] == one[-1].data["n"]
        one.store.check()
        line += _EVERY
    storage_of(one).close()
    assert [] == files(name)


def test_whoever_makes_memory_and_is_killed_at_any_line_leaves_nothing_that_stays():
    line = 1

    def make():
        DequeBuffer(8, storage=shared(name=NAME)).push(row(1))

    while _killed(make, line):
        made = DequeBuffer(8, storage=shared(name=NAME))
        made.push(row(line))
        assert [line] == numbers(made)
        storage_of(made).close()
        assert [] == files(NAME)
        line += _EVERY


def _make_and_stay():
    buffer = DequeBuffer(8, storage=shared(name=NAME))
    buffer.push(row(1))
    signal.pause()


def test_the_others_go_on_without_who_made_the_memory():
    with _child(_make_and_stay):
        storage = SharedStorage.attach(NAME, wait=60.0)
        reader = DequeBuffer(8, storage=storage)
        until(lambda: numbers(reader) == [1])
        with pytest.raises(BadArgument, match="is taken, by a process that is alive"):
            storage.claim(0)
    assert 0 == storage.claim(0)
    reader.push(row(2))
    assert [1, 2] == numbers(reader) == numbers(reader_of(reader))
    storage.close()
    assert [] == files(NAME)
