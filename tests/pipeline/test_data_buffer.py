from __future__ import annotations

import inspect
import runpy
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest

import ding_buffer.pipeline
from ding_buffer.core.errors import BadArgument, NotEnoughItems
from ding_buffer.pipeline.data_buffer import DataBuffer
from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.timestamping_queue import TimestampingQueue
from ding_buffer.pipeline.timestamping_queues_dict import TimestampingQueuesDict
from tests.pipeline.plain_buffers import SimpleBuffer, Values

T = TypeVar("T")


def use_as_the_guide_says(kind) -> None:
    buffer = kind(["state", "action"], 3)
    user = DataUser(buffer)
    for number in range(5):
        user.collector.collect({"state": [number], "action": number, "else": None})

    assert 0 == len(user)
    user.update()
    assert {"state": [[2], [3], [4]], "action": [2, 3, 4]} == user.get_data()
    assert {"state", "action"} == buffer.collecting_data_names
    assert (3, 3) == (buffer.max_size, buffer.max_queue_size)
    with pytest.raises(KeyError, match="Required data 'action' not found in step_data"):
        buffer.add({"state": 1})
    assert 3 == len(user)


def test_the_guides_own_buffer_works_spelled_for_python_310() -> None:
    use_as_the_guide_says(SimpleBuffer)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the example has type parameters")
def test_the_guides_own_buffer_works_word_for_word(monkeypatch) -> None:
    original = ModuleType("pamiq_core")
    monkeypatch.setitem(sys.modules, "pamiq_core", original)
    monkeypatch.setitem(sys.modules, "pamiq_core.data", ding_buffer.pipeline)
    file = Path(__file__).with_name("simple_buffer.txt")

    use_as_the_guide_says(runpy.run_path(str(file))["SimpleBuffer"])


def test_names_of_fields_make_a_buffer_of_fields() -> None:
    buffer: SimpleBuffer = SimpleBuffer(["a", "b"], 4)

    assert {"a", "b"} == buffer._collecting_data_names
    assert 4 == buffer._max_size
    buffer.collecting_data_names.clear()
    assert {"a", "b"} == buffer.collecting_data_names
    assert isinstance(buffer.make_queue(), TimestampingQueuesDict)


def test_a_number_makes_a_buffer_of_values() -> None:
    class Numbers(Values):
        def __init__(self, *args, **settings):
            DataBuffer.__init__(self, *args, **settings)

    for buffer in (Numbers(7), Numbers(max_queue_size=7)):
        assert 7 == buffer.max_queue_size
        assert buffer.field_rows is None
        assert type(buffer.make_queue()) is TimestampingQueue
    assert 0 == Numbers(0).max_queue_size
    with pytest.raises(BadArgument, match="one size"):
        Numbers(7, 8)


def test_a_queue_without_limit_is_warned_of() -> None:
    with pytest.warns(RuntimeWarning, match="max_queue_size is None") as told:
        buffer = Values(None)

    assert buffer.max_queue_size is None
    assert Path(__file__).name == Path(told[0].filename).name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], -1), "max_size must be non-negative"),
        ((["a"], 1.5), "max_size must be an int"),
        ((["a"], True), "max_size must be an int"),
        ((["a"],), "needs max_size"),
        (("state", 3), "the one text 'state'"),
        ((b"state", 3), "the one text"),
        (([1, 2], 3), "name of a field is a str"),
        ((-1,), "max_queue_size must be non-negative"),
        ((1.5,), "names of the fields"),
        ((3, 4), "one size"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments, message) -> None:
    class Kind(SimpleBuffer):
        def __init__(self, *given):
            DataBuffer.__init__(self, *given)

    for kind in (TypeError, ValueError):
        with pytest.raises(kind, match=message):
            Kind(*arguments)


@pytest.mark.parametrize("size", [-1, "three", 1.5, True])
def test_a_wrong_size_of_the_queue_is_refused(size) -> None:
    class Kind(SimpleBuffer):
        def __init__(self):
            DataBuffer.__init__(self, ["a"], 3, max_queue_size=size)

    with pytest.raises(BadArgument, match="max_queue_size"):
        Kind()


def test_a_buffer_of_values_has_no_names() -> None:
    buffer = Values()

    assert not hasattr(buffer, "collecting_data_names")
    with pytest.raises(AttributeError, match="This Values holds values without named fields"):
        buffer.collecting_data_names  # noqa: B018


def test_it_takes_one_type_parameter_or_two() -> None:
    kind: Any = DataBuffer

    assert (T, Any) == kind[T].__args__
    assert (T, list[T]) == kind[T, list[T]].__args__  # type: ignore[valid-type]
    assert (int, Any) == kind[int].__args__

    class One(DataBuffer[T]):
        """Has one parameter, so it takes one."""

    one: Any = One
    assert (int,) == one[int].__args__


def test_add_get_data_and_len_are_to_be_written() -> None:
    assert inspect.isabstract(DataBuffer)
    assert {"add", "get_data", "__len__"} == DataBuffer.__abstractmethods__


def test_any_buffer_can_be_sampled() -> None:
    fields: SimpleBuffer = SimpleBuffer(["a", "b"], 10)
    values = Values()
    for number in range(10):
        fields.add({"a": number, "b": -number})
        values.add(2 * number)
    batch = fields.sample(4)

    assert ["a", "b"] == list(batch)
    assert [-number for number in batch["a"]] == batch["b"]
    assert 4 == len(set(batch["a"]))
    assert 10 == len(set(values.sample(10)))
    assert 50 == len(values.sample(50, replace=True))
    drawn = Counter(number for _ in range(1000) for number in values.sample(3))
    assert set(range(0, 20, 2)) == set(drawn)
    with pytest.raises(NotEnoughItems):
        values.sample(11)


def test_a_mock_can_stand_for_a_buffer_only_if_it_says_what_it_holds() -> None:
    assert DataBuffer.field_rows is None
    assert not DataBuffer.has_own_lock


def test_a_buffer_may_call_its_own_things_as_it_likes() -> None:
    class Own(Values):
        def __init__(self):
            super().__init__(5)
            self.fields, self.names, self.rng, self.clock, self.lock = ["a"], ["b"], None, None, None

    user: DataUser = DataUser(Own())
    user.collector.collect(2)

    assert [2] == user.get_data() == user.sample(1)
