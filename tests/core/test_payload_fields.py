from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.core.errors import BadArgument, MissingPayloadField
from ding_buffer.core.payload_fields import (
    field_of,
    fields_found,
    fields_of,
    filled_like,
    flag_of,
    has_field,
    plain_scalar,
    with_fields,
    without_field,
)

Step = namedtuple("Step", ["obs", "reward"])


@dataclass
class StepClass:
    obs: Any
    reward: Any


@dataclass(frozen=True)
class FrozenStep:
    obs: Any
    reward: Any


PAYLOADS = [
    {"obs": [1], "reward": 2.0},
    EasyDict(obs=np.ones(1), reward=2.0),
    MappingProxyType({"obs": [1], "reward": 2.0}),
    SimpleNamespace(obs=[1], reward=2.0),
    Step([1], 2.0),
    StepClass([1], 2.0),
    FrozenStep([1], 2.0),
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_replaced_field_leaves_the_payload_alone_and_shares_the_rest(payload: Any) -> None:
    made = with_fields(payload, reward=5.0)

    assert 5.0 == field_of(made, "reward")
    assert 2.0 == field_of(payload, "reward")
    assert field_of(made, "obs") is field_of(payload, "obs")
    assert type(made) is type(payload) or isinstance(payload, MappingProxyType)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_missing_field_is_named(payload: Any) -> None:
    assert not has_field(payload, "done")
    with pytest.raises(MissingPayloadField, match="'done'"):
        field_of(payload, "done")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_field_of_many_is_a_list(payload: Any) -> None:
    for payloads in ([payload, payload], [payload, {"reward": 2.0}]):
        assert [2.0, 2.0] == fields_of(payloads, "reward") == fields_found(payloads, "reward")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_of_many_the_one_without_the_field_is_named_or_gives_none(payload: Any) -> None:
    payloads = [{"done": True}, payload]

    assert [True, None] == fields_found(payloads, "done")
    with pytest.raises(MissingPayloadField, match=f"{type(payload).__name__} has no field 'done'"):
        fields_of(payloads, "done")


def test_a_payload_without_room_for_a_field_says_so() -> None:
    with pytest.raises(BadArgument, match=r"Step cannot take the fields \['value_gamma'\]"):
        with_fields(Step(1, 2.0), value_gamma=0.9)
    with pytest.raises(BadArgument, match="float cannot take"):
        with_fields(1.5, reward=0.9)


@pytest.mark.parametrize("value", [True, 1, 1.0, np.True_, np.array([1.0])])
def test_flags_come_in_many_forms(value: Any) -> None:
    assert flag_of({"done": value}, "done") is True
    assert flag_of({"done": value * 0}, "done") is False
    assert flag_of({}, "done") is False


@pytest.mark.parametrize(
    "payload", [{"a": 1, "b": 2}, EasyDict(a=1, b=2), MappingProxyType({"a": 1, "b": 2})]
)
def test_a_field_is_taken_off_a_copy(payload: Any) -> None:
    assert {"a": 1} == dict(without_field(payload, "b"))
    assert 2 == payload["b"]


def test_nothing_is_taken_off_an_object() -> None:
    payload = SimpleNamespace(b=2)

    assert payload is without_field(payload, "b")


@pytest.mark.parametrize(
    ("value", "one"),
    [
        (0.25, 1.0),
        (7, 1),
        (False, True),
        ([0.5, 2.0], [1.0, 1.0]),
        ((3,), (1,)),
        (np.float32(0.5), np.float32(1)),
    ],
)
def test_a_number_is_written_in_the_form_of_another(value: Any, one: Any) -> None:
    filled = filled_like(value, 1)

    assert one == filled
    assert type(one) is type(filled)


def test_arrays_keep_dtype_and_shape() -> None:
    filled = filled_like(np.array([[2.0, 3.0]], dtype=np.float16), 1)

    assert np.float16 == filled.dtype
    assert [[1.0, 1.0]] == filled.tolist()


def test_tensors_keep_dtype_and_shape() -> None:
    torch = pytest.importorskip("torch")
    value = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    filled = filled_like(value, 0)

    assert torch.float64 == filled.dtype
    assert [0.0] == filled.tolist()
    assert not filled.requires_grad


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(BadArgument, match="form of a str"):
        filled_like("much", 1)


def test_a_scalar_comes_out_of_its_array() -> None:
    assert 3 == plain_scalar(np.array([3]))
    assert "env-1" == plain_scalar("env-1")
    assert int is type(plain_scalar(np.int64(3)))
