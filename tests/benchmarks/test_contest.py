"""Contestants take turns in processes of their own."""

from __future__ import annotations

import sys

from benchmarks.contest import Contest
from benchmarks.contestant import Contestant
from benchmarks.rows import Row

PUSH = Row("push", "push one", "us", "push", {"size": 256}, {"size": 256})
GROUPS = Row("groups", "groups", "us", "groups", {"size": 256}, {"size": 256})
MEMORY = Row("memory", "memory", "bytes", "memory", {"size": 256}, {}, "once")


def test_figures_and_reasons_come_back():
    heard: list[str] = []
    limit = Contestant("limit", sys.executable, "benchmarks.peers.limit")
    nobody = Contestant("nobody", sys.executable, "benchmarks.peers.nobody")
    results = Contest([limit, nobody], heard.append, rounds=1).run([PUSH, GROUPS, MEMORY])
    assert 41.0 == results.median("memory", "limit")
    figure = results.figures["push"]["limit"]
    assert 0 < figure.least <= figure.median <= figure.most
    assert {"groups": {"limit": "has no such thing"}} == results.missing
    assert "No module named 'benchmarks.peers.nobody'" in results.absent["nobody"]
    assert 3 == len(heard)
    assert not limit.running


def test_a_worker_that_dies_is_told_and_replaced():
    one = Contestant("limit", sys.executable, "benchmarks.peers.limit")
    one.ask(do="hello")
    one._process.kill()
    assert {"failed": "its process ended with status -9"} == one.ask(do="drop")
    assert {} == one.ask(do="drop")
    one.close()
