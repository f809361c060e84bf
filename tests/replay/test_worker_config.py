from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from easydict import EasyDict

from ding_buffer.core.errors import ConfigError
from ding_buffer.replay.worker_config import below, finite, merged, number, optional, that, whole

DEFAULTS = {
    "type": "kind",
    "size": 10,
    "share": 0.5,
    "most": math.inf,
    "deep": False,
    "choose": None,
    "monitor": {"period": {"seconds": 60}, "every": 5},
}


def read(cfg: Any, rules: Any = None) -> EasyDict:
    return merged(DEFAULTS, cfg, "Face", rules or {})


@pytest.mark.parametrize("cfg", [{}, None, EasyDict()])
def test_without_a_config_the_defaults_remain(cfg) -> None:
    assert read(cfg) == DEFAULTS


@pytest.mark.parametrize("kind", [dict, EasyDict])
def test_a_partial_config_goes_over_the_defaults_at_every_level(kind) -> None:
    made = read(kind({"size": 3, "monitor": {"period": {"seconds": 1}}}))

    assert {**DEFAULTS, "size": 3, "monitor": {"period": {"seconds": 1}, "every": 5}} == made
    assert 1 == made.monitor.period.seconds


def test_neither_the_defaults_nor_the_config_are_touched() -> None:
    cfg = {"monitor": {"every": 6}}
    made = read(cfg)
    made.monitor.every = made.monitor.period.seconds = 0

    assert {"monitor": {"every": 6}} == cfg
    assert 60 == DEFAULTS["monitor"]["period"]["seconds"]  # type: ignore[index]


def test_the_keys_that_say_which_buffer_it_is_pass() -> None:
    made = read({"type": "kind", "cfg_type": "KindDict", "import_names": []})

    assert ("KindDict", []) == (made.cfg_type, made.import_names)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"sise": 3}, r"the cfg of Face: sise: unknown key; did you mean size\? \(known: size, share"),
        ({"zzz": 3}, r"zzz: unknown key \(known: size, share"),
        ({3: 3}, r"3: unknown key \(known: size, share"),
        ({"monitor": {"period": {"second": 3}}}, "monitor.period.second: .* did you mean seconds?"),
        ({"monitor": 3}, "monitor: expected a mapping of period, every, got 3"),
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
        read(cfg)


def test_all_mistakes_are_told_at_once_wherever_they_are() -> None:
    cfg = {"sise": 3, "share": 2, "deep": "yes", "monitor": {"evry": 1, "period": {"seconds": 0}}}
    with pytest.raises(ConfigError) as caught:
        read(cfg, {"share": number(0, 1), "monitor.period.seconds": number(0, above=True)})

    known = "size, share, most, deep, choose, monitor"
    assert [
        "the cfg of Face: 5 mistakes",
        f"  sise: unknown key; did you mean size? (known: {known})",
        "  share: expected a number from 0 to 1, got 2",
        "  deep: expected true or false, got 'yes'",
        "  monitor.evry: unknown key; did you mean every? (known: period, every)",
        "  monitor.period.seconds: expected a number above 0, got 0",
    ] == str(caught.value).splitlines()


def test_numbers_may_be_written_as_yaml_reads_them() -> None:
    made = read({"size": "1e5", "share": "2.5e-1", "monitor": {"every": 7.0}})

    assert (100_000, 0.25, 7) == (made.size, made.share, made.monitor.every)
    assert isinstance(made.size, int)
    assert isinstance(made.monitor.every, int)


def test_numbers_of_numpy_serve() -> None:
    made = read({"size": np.int64(7), "share": np.float32(0.25)})

    assert (7, 0.25) == (made.size, made.share)
    assert type(made.size) is int


def test_anything_goes_where_there_is_neither_a_default_nor_a_rule() -> None:
    assert 10 == read({"choose": lambda step: step + 3}).choose(7)


@pytest.mark.parametrize(
    ("rule", "fine", "wrong", "words"),
    [
        (number(), [-1, 0.5, math.inf, "1e3"], ["3", None, 1j, True, []], "a number"),
        (number(0), [0, 1e9, math.inf], [-0.1, -math.inf], "a number of at least 0"),
        (number(0, 1), [0, 0.5, 1], [-0.1, 1.1], "a number from 0 to 1"),
        (number(0, above=True), [1e-9, math.inf], [0, -1], "a number above 0"),
        (finite(0), [0, 2.5], [math.inf, -1, "x"], "a finite number of at least 0"),
        (
            whole(1),
            [1, 2.0, np.int64(3), "1e3"],
            [0, 1.5, math.inf, True, "a"],
            "a whole number of at least 1",
        ),
        (that(callable, "a function"), [len], [3], "a function"),
        (optional(whole(0)), [None, 0], [-1], "a whole number of at least 0, or None"),
    ],
)
def test_a_rule_keeps_what_may_be_set_and_names_it_for_the_rest(rule, fine, wrong, words: str) -> None:
    for value in fine:
        assert value == rule(value) or float(value) == rule(value)
    for value in wrong:
        with pytest.raises(ValueError) as refused:  # noqa: PT011  the whole text is compared
            rule(value)
        assert words == str(refused.value)


def test_a_rule_of_a_mapping_looks_at_it_when_all_within_is_right_and_what_is_missing_is_there() -> None:
    seen: list[Any] = []

    def in_order(monitor: Any) -> None:
        seen.append(monitor)
        if monitor["every"] > monitor["period"]["seconds"]:
            raise ValueError("expected every to be at most period.seconds")

    rules = {"monitor": in_order, "monitor.every": whole(1)}
    assert 60 == read({"monitor": {"every": 60}}, rules).monitor.every
    assert [{"every": 60, "period": {"seconds": 60}}] == seen
    for cfg, message in (
        ({"monitor": {"every": 61}}, "the cfg of Face: monitor: expected every to be at most period.seconds"),
        (
            {"monitor": {"every": 0}},
            "the cfg of Face: monitor.every: expected a whole number of at least 1, got 0",
        ),
    ):
        with pytest.raises(ConfigError) as caught:
            read(cfg, rules)
        assert message == str(caught.value)


def test_rules_can_stand_further_in() -> None:
    rule = number(0)

    assert {"a.b": rule, "a": rule} == below("a", {"b": rule, "": rule})
