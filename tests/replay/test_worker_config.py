from __future__ import annotations

import math

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.core.errors import ConfigError
from ding_buffer.replay.worker_config import check_above, check_whole_within, check_within, merged

DEFAULTS = {
    "type": "kind",
    "size": 10,
    "share": 0.5,
    "most": math.inf,
    "deep": False,
    "choose": None,
    "monitor": {"period": {"seconds": 60}, "every": 5},
}


@pytest.mark.parametrize("cfg", [{}, None, EasyDict()])
def test_without_a_config_the_defaults_remain(cfg) -> None:
    assert merged(DEFAULTS, cfg, "Face") == DEFAULTS


@pytest.mark.parametrize("kind", [dict, EasyDict])
def test_a_partial_config_goes_over_the_defaults_at_every_level(kind) -> None:
    made = merged(DEFAULTS, kind({"size": 3, "monitor": {"period": {"seconds": 1}}}), "Face")

    assert {**DEFAULTS, "size": 3, "monitor": {"period": {"seconds": 1}, "every": 5}} == made
    assert 1 == made.monitor.period.seconds


def test_neither_the_defaults_nor_the_config_are_touched() -> None:
    cfg = {"monitor": {"every": 6}}
    made = merged(DEFAULTS, cfg, "Face")
    made.monitor.every = made.monitor.period.seconds = 0

    assert {"monitor": {"every": 6}} == cfg
    assert 60 == DEFAULTS["monitor"]["period"]["seconds"]  # type: ignore[index]


def test_the_keys_that_say_which_buffer_it_is_pass() -> None:
    made = merged(DEFAULTS, {"type": "kind", "cfg_type": "KindDict", "import_names": []}, "Face")

    assert ("KindDict", []) == (made.cfg_type, made.import_names)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"sise": 3}, "sise: unknown key of Face; did you mean size?"),
        ({"zzz": 3}, r"zzz: unknown key of Face \(known: size, share"),
        ({"monitor": {"period": {"second": 3}}}, "monitor.period.second: .* did you mean seconds?"),
        ({"monitor": 3}, "monitor: expected a mapping, got 3"),
        ({"deep": 1}, "deep: expected true or false, got 1"),
        ({"size": True}, "size: expected a number, got True"),
        ({"size": "10"}, "size: expected a number, got '10'"),
        ({"size": "nine"}, "size: expected a number, got 'nine'"),
        ({"size": None}, "size: expected a number, got None"),
        ({"share": math.nan}, "share: expected a number, got nan"),
        ({"most": None}, r"most: expected a number \(for no limit math.inf, in YAML .inf\), got None"),
        (3, "The cfg of Face is a mapping, got 3"),
    ],
)
def test_a_mistake_is_told_with_its_path_and_the_nearest_key(cfg, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        merged(DEFAULTS, cfg, "Face")


def test_numbers_may_be_written_as_yaml_reads_them() -> None:
    made = merged(DEFAULTS, {"size": "1e5", "share": "2.5e-1", "monitor": {"every": 7.0}}, "Face")

    assert (100_000, 0.25, 7) == (made.size, made.share, made.monitor.every)
    assert isinstance(made.size, int)
    assert isinstance(made.monitor.every, int)


def test_numbers_of_numpy_serve() -> None:
    made = merged(DEFAULTS, {"size": np.int64(7), "share": np.float32(0.25)}, "Face")

    assert (7, 0.25) == (made.size, made.share)
    assert type(made.size) is int


def test_anything_goes_where_there_is_no_default() -> None:
    assert 10 == merged(DEFAULTS, {"choose": lambda step: step + 3}, "Face").choose(7)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_number_outside_its_range_is_told(value: float) -> None:
    with pytest.raises(ConfigError, match="alpha: expected at least 0 and at most 1, got"):
        check_within("alpha", value, 0, 1)


def test_a_number_that_must_be_above_another_and_one_that_must_be_whole_are_told() -> None:
    check_above("seconds", 1e-9, 0)
    check_whole_within("size", 1, 1)

    with pytest.raises(ConfigError, match="seconds: expected more than 0, got 0"):
        check_above("seconds", 0, 0)
    for size in (10.5, math.inf, True):
        with pytest.raises(ConfigError, match="size: expected a whole number, got"):
            check_whole_within("size", size, 1)
    with pytest.raises(ConfigError, match="size: expected at least 1, got 0"):
        check_whole_within("size", 0, 1)


def test_a_number_may_be_as_high_as_one_likes_where_nobody_limits_it() -> None:
    check_within("max_use", math.inf, 1)
    with pytest.raises(ConfigError, match="max_use: expected at least 1, got 0"):
        check_within("max_use", 0, 1)
