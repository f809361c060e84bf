from __future__ import annotations

import copy
import logging
from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.report_sink import ReportSink

FIGURES = {"a/size": 3, "a/age": 1.5}


class Writer:
    def __init__(self) -> None:
        self.scalars: list[Any] = []
        self.flushed = 0

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.scalars.append((tag, value, step))

    def flush(self) -> None:
        self.flushed += 1


class Broken(Writer):
    def add_scalar(self, tag: str, value: float, step: int) -> None:
        super().add_scalar(tag, value, step)
        raise OSError("disk full")


def test_a_writer_of_scalars_gets_one_for_each_figure():
    writer = Writer()
    sink = ReportSink(writer)
    sink.write(FIGURES, 7, "text")
    sink.flush()

    assert [("a/size", 3, 7), ("a/age", 1.5, 7)] == writer.scalars
    assert (1, 0) == (writer.flushed, sink.errors)


def test_a_function_gets_a_dict_of_its_own():
    seen: list[dict[str, float]] = []
    ReportSink(seen.append).write(FIGURES, 7, "text")
    seen[0]["more"] = 1

    assert {"a/size": 3, "a/age": 1.5} == FIGURES


@pytest.mark.parametrize("name", [None, "another"])
def test_a_logger_gets_a_line_of_text(name, caplog):
    with caplog.at_level(logging.INFO):
        ReportSink(name and logging.getLogger(name)).write(FIGURES, 7, "100 % text")

    assert [(name or "ding_buffer", logging.INFO, "100 % text")] == caplog.record_tuples


def test_an_error_goes_no_further_is_logged_once_and_counted_each_time(caplog):
    writer = Broken()
    sink = ReportSink(writer)
    for step in range(3):
        sink.write(FIGURES, step, "text")

    assert 3 == sink.errors
    assert [0, 1, 2] == [step for _, _, step in writer.scalars]  # the rest of a report is not tried
    (record,) = caplog.records
    assert ("WARNING", "ding_buffer") == (record.levelname, record.name)
    assert "disk full" in caplog.text


def test_an_error_in_flush_is_an_error_too(caplog):
    writer = Writer()
    writer.flush = Broken().add_scalar  # type: ignore[method-assign, assignment]
    sink = ReportSink(writer)
    sink.flush()

    assert 1 == sink.errors


def test_what_stops_the_program_does_stop_it():
    def stop(figures: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ReportSink(stop).write(FIGURES, 0, "text")


def test_a_copy_hands_on_to_the_same_place():
    writer = Writer()
    copy.deepcopy(ReportSink(writer)).write(FIGURES, 1, "text")

    assert 2 == len(writer.scalars)


@pytest.mark.parametrize("to", [3, "runs", [], Writer], ids=repr)
def test_what_can_take_no_report_is_refused(to):
    with pytest.raises(BadArgument, match="Reports go to"):
        ReportSink(to)
