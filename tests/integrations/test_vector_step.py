from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from ding_buffer.core.errors import BadArgument
from ding_buffer.integrations.batched_space import BatchedSpace
from ding_buffer.integrations.vector_step import FIELDS, RecordedFields, VectorStep, meta_of_step

STEP = VectorStep(
    obs=np.arange(6.0).reshape(3, 2),
    action=np.array([4, 5, 6]),
    reward=np.array([0.5, 1.5, 2.5]),
    next_obs=np.arange(6.0).reshape(3, 2) + 10,
    terminated=np.array([True, False, False]),
    truncated=np.array([False, False, True]),
    real=np.array([True, False, True]),
    env=np.array([0, 1, 2]),
    episode=np.array([7, 8, 9]),
    infos={"told": np.array([1, 2, 3])},
    number=0,
)
PLACES = np.array([0, 2])


def fields_of(fields: Any = None) -> RecordedFields:
    boxes = BatchedSpace(spaces.Box(0, 99, (2,)), 3, "observation")
    return RecordedFields(fields, boxes, BatchedSpace(spaces.Discrete(9), 3, "action"))


def columns(fields: Any = None) -> dict[str, Any]:
    return {name: column.tolist() for name, column in fields_of(fields).columns(STEP, PLACES).items()}


def meta(given: Any) -> dict[str, Any]:
    made = meta_of_step(given, STEP, PLACES)
    return {
        key: values.tolist() if isinstance(values, np.ndarray) else values for key, values in made.items()
    }


def test_each_field_has_the_rows_of_the_envs_that_are_recorded() -> None:
    assert {
        "obs": [[0.0, 1.0], [4.0, 5.0]],
        "action": [4, 6],
        "reward": [0.5, 2.5],
        "next_obs": [[10.0, 11.0], [14.0, 15.0]],
        "terminated": [True, False],
        "truncated": [False, True],
    } == columns()
    assert list(FIELDS) == list(columns())


def test_columns_share_no_memory_with_the_step() -> None:
    made = fields_of().columns(STEP, np.arange(3))

    assert [] == [name for name in FIELDS if np.shares_memory(made[name], getattr(STEP, name))]


def test_fields_get_other_names_or_stay_out_or_are_added() -> None:
    made = columns(
        {
            "terminated": "done",
            "truncated": None,
            "told": lambda step: step.infos["told"],
            "value": lambda step: [1.0, 2.0, 3.0],
        }
    )

    assert ["obs", "action", "reward", "next_obs", "done", "told", "value"] == list(made)
    assert ([True, False], [1, 3], [1.0, 3.0]) == (made["done"], made["told"], made["value"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"done": "terminated"}, r"fields\['done'\] is 'terminated'"),
        ({"done": None}, "map a name of your own to a function"),
        ({"obs": len}, "another name, or None"),
        ({"obs": "action"}, "names that differ"),
        ({"terminated": "told", "told": len}, "names that differ"),
        (dict.fromkeys(FIELDS), r"names that differ, got \[\]"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields: Any, message: str) -> None:
    with pytest.raises(BadArgument, match=message):
        fields_of(fields)


@pytest.mark.parametrize("told", [1.0, [1.0, 2.0]])
def test_a_further_field_without_a_value_for_each_env_is_refused(told: Any) -> None:
    with pytest.raises(BadArgument, match=r"fields\['value'\] must give one value for each of 3 envs"):
        columns({"value": lambda step: told})


def test_meta_names_env_and_episode() -> None:
    assert {"env": [0, 2], "episode": [7, 9]} == meta(None) == meta({}) == meta(lambda step: None)


def test_a_meta_with_a_value_for_each_env_is_a_column_and_any_other_goes_to_all() -> None:
    assert {
        "env": [0, 2],
        "episode": [7, 9],
        "iteration": 12,
        "source": "cartpole",
        "skills": ["a", "c"],
        "priority": [0.5, 2.5],
    } == meta(
        lambda step: {
            "iteration": 12,
            "source": "cartpole",
            "skills": ("a", "b", "c"),
            "priority": step.reward,
        }
    )


def test_tensors_become_arrays() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.arange(3.0, requires_grad=True)

    assert [0.0, 2.0] == columns({"value": lambda step: tensor * 1})["value"]
    assert ([0.0, 2.0], 5.0) == (
        meta({"value": tensor})["value"],
        meta({"value": torch.tensor(5.0)})["value"],
    )


def test_meta_of_the_user_goes_before_ours() -> None:
    assert {"env": "left", "episode": [7, 9]} == meta({"env": "left"})


def test_a_meta_column_without_a_value_for_each_env_is_refused() -> None:
    with pytest.raises(BadArgument, match=r"meta\['skill'\] has 2 values for 3 envs"):
        meta({"skill": [1, 2]})
