from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from easydict import EasyDict

from ding_buffer.core.errors import BadArgument, ConfigError
from ding_buffer.learners.setting_path import count_setting, positive_count, setting

NESTED = {"policy": {"learn": {"batch_size": 32, "none": None}}}


@pytest.mark.parametrize(
    "cfg",
    [
        NESTED,
        EasyDict(NESTED),
        SimpleNamespace(policy=SimpleNamespace(learn=SimpleNamespace(batch_size=32))),
        {"policy": SimpleNamespace(learn={"batch_size": 32})},
    ],
)
def test_a_path_is_read_from_mappings_and_objects_alike(cfg: Any) -> None:
    assert 32 == setting(cfg, "policy.learn.batch_size")


def test_a_missing_setting_is_named_with_what_is_there() -> None:
    with pytest.raises(ConfigError) as caught:
        setting({"policy": {"learn": {"rate": 1}}}, "policy.learn.batch_size")

    expected = "the setting cfg.policy.learn.batch_size is missing (cfg.policy.learn has ['rate'])"
    assert expected == str(caught.value)


def test_a_path_through_a_missing_part_is_named_whole() -> None:
    with pytest.raises(ConfigError, match=r"cfg\.policy\.collect\.n is missing \(cfg\.policy is empty\)"):
        setting({"policy": {}}, "policy.collect.n")
    with pytest.raises(ConfigError, match=r"cfg\.policy\.n is missing \(cfg is NoneType\)"):
        setting(None, "policy.n")


def test_a_default_stands_in_for_what_is_missing() -> None:
    assert 1 == setting(NESTED, "policy.collect.unroll_len", 1)
    assert 1 == setting(NESTED, "policy.learn.none.deeper", 1)
    assert setting(NESTED, "policy.learn.none", 1) is None


@pytest.mark.parametrize(("value", "count"), [(1, 1), (32, 32), (4.0, 4)])
def test_whole_numbers_are_counts(value: Any, count: int) -> None:
    assert count == count_setting({"n": value}, "n")


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "4", None, float("nan"), float("inf")])
def test_what_is_no_count_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"cfg\.n must be a whole number"):
        count_setting({"n": value}, "n")
    with pytest.raises(BadArgument, match="every must be a whole number"):
        positive_count(value, "every")
