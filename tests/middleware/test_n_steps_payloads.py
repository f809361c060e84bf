"""Payloads and rewards of all kinds."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.core.errors import BadArgument, MissingPayloadField
from ding_buffer.core.payload_fields import field_of
from ding_buffer.middleware.n_steps import n_step
from tests.middleware.step_buffers import everything, filled, transition


class Tree:
    def __init__(self, parts: dict[str, Any]) -> None:
        self.parts = parts

    def items(self):
        return self.parts.items()

    def __contains__(self, name: str) -> bool:
        return name in self.parts

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["parts"][name]


TreeValue: Any = type("TreeValue", (Tree,), {"__module__": "treevalue.tree.tree"})


Named = namedtuple("Named", ["obs", "reward", "next_obs", "done"])
NamedWithRoom = namedtuple("NamedWithRoom", ["obs", "reward", "next_obs", "done", "discount"])


@dataclass
class Data:
    obs: int
    reward: float
    next_obs: int
    done: bool


@dataclass(frozen=True)
class Frozen:
    obs: int
    reward: float
    next_obs: int
    done: bool
    discount: float = 1.0


def tree(**fields: Any) -> Any:
    return TreeValue(fields)


@pytest.mark.parametrize("make", [dict, EasyDict, tree, Named, NamedWithRoom, Data, Frozen])
def test_payloads_of_all_kinds_keep_their_kind(make):
    room = {"discount": -1.0} if make is NamedWithRoom else {}
    buffer = DequeBuffer(9, seed=0).use(n_step(2, 0.5))
    for number in range(3):
        buffer.push(make(obs=number, reward=1.0, next_obs=number + 1, done=number == 2, **room))
    first, second, _ = everything(buffer)

    assert type(first.data) is type(buffer[0].data)
    assert [0, 1.5, 2, False] == [field_of(first.data, name) for name in Named._fields]
    assert [1, 1.5, 3, True] == [field_of(second.data, name) for name in Named._fields]
    assert [0.25, 0.0] == [first.meta["discount"], second.meta["discount"]]
    if make not in (Named, Data):
        assert 0.25 == field_of(first.data, "discount")
    assert 1.0 == field_of(buffer[0].data, "reward")


@pytest.mark.parametrize(
    ("reward", "kind"),
    [
        (2, float),
        (2.0, float),
        (np.float32(2), np.float32),
        (np.int64(2), np.float64),
        (np.full((1,), 2, np.float32), np.ndarray),
        (np.full((2, 2), 2.0), np.ndarray),
        (np.array(2.0), np.ndarray),
    ],
)
def test_return_and_discount_have_the_form_of_the_reward(reward, kind):
    first = everything(filled(3, n_step(2, 0.5), reward=reward))[0]

    for value, expected in ((first.data["reward"], 3.0), (first.data["discount"], 0.25)):
        assert kind is type(value)
        assert np.shape(reward) == np.shape(value)
        assert (
            getattr(reward, "dtype", np.dtype(float)).kind != "f"
            or getattr(reward, "dtype", np.dtype(float)) == np.asarray(value).dtype
        )
        assert np.full(np.shape(reward), expected).tolist() == np.asarray(value).tolist()


@pytest.mark.parametrize(
    ("dtype", "made"), [("float32", "float32"), ("float64", "float64"), ("int64", "float32")]
)
def test_tensors_stay_tensors(dtype, made):
    torch = pytest.importorskip("torch")
    reward = torch.full((1,), 2, dtype=getattr(torch, dtype))
    first = everything(filled(3, n_step(2, 0.5), reward=reward, terminated=torch.tensor([False])))[0]

    assert (getattr(torch, made), [3.0]) == (first.data["reward"].dtype, first.data["reward"].tolist())
    assert (getattr(torch, made), [0.25]) == (first.data["discount"].dtype, first.data["discount"].tolist())


def test_rewards_in_different_forms_are_each_answered_in_their_own():
    buffer = DequeBuffer(9, seed=0).use(n_step(2, 0.5))
    for reward in (2.0, np.float32(2), 2):
        buffer.push(transition(0, reward=reward))

    assert [float, np.float32, float] == [type(item.data["reward"]) for item in everything(buffer)]


def test_a_reward_that_is_not_a_number_beyond_the_end_does_no_harm():
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5))
    buffer.push(transition(0, terminated=True))
    buffer.push(transition(1, reward=float("nan")))

    assert 0.0 == everything(buffer)[0].data["reward"]


def test_an_observation_of_none_after_the_last_step_is_a_value_like_any_other():
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5))
    buffer.push(transition(0))
    buffer.push(transition(1, next_obs=None, terminated=True))

    assert [None, None] == [item.data["next_obs"] for item in everything(buffer)]


@pytest.mark.parametrize("missing", ["reward", "next_obs"])
@pytest.mark.parametrize("make", [dict, lambda **fields: Named._make(fields.values())])
def test_a_field_that_is_not_there_is_named(missing, make):
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5, **{missing: "missing"}))
    buffer.push(make(obs=0, reward=1.0, next_obs=1, done=False))

    with pytest.raises(MissingPayloadField, match="'missing'"):
        buffer.sample(1)


def test_a_payload_without_next_observation_is_fine_where_none_is_asked_for():
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5, next_obs=None))
    buffer.extend([{"obs": number, "reward": 1.0} for number in range(3)])

    assert [1.75, 1.5, 1.0] == [item.data["reward"] for item in everything(buffer)]


@pytest.mark.parametrize("reward", ["much", None, np.zeros((2, 3))])
def test_rewards_that_do_not_add_up_are_named(reward):
    buffer = DequeBuffer(9, seed=0).use(n_step(3, 0.5))
    buffer.extend([transition(0, reward=np.zeros(2)), transition(1, reward=reward)])

    with pytest.raises(BadArgument, match="'reward'"):
        everything(buffer)
