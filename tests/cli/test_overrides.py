from __future__ import annotations

import pytest

from ding_buffer.cli.overrides import with_overrides
from ding_buffer.core.errors import ConfigError

SETTINGS = {"seed": 0, "learn": {"lr": 0.1}, "buffer": {"middleware": ["clone_object", {"type": "padding"}]}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("seed=7", {**SETTINGS, "seed": 7}),
        ("learn.lr=0.5", {**SETTINGS, "learn": {"lr": 0.5}}),
        ("learn.nstep=3", {**SETTINGS, "learn": {"lr": 0.1, "nstep": 3}}),
        ("eval.goal=null", {**SETTINGS, "eval": {"goal": None}}),
        ("out=a=b", {**SETTINGS, "out": "a=b"}),
        ("learn={lr: 1}", {**SETTINGS, "learn": {"lr": 1}}),
        (
            "buffer.middleware[1].policy=last",
            {**SETTINGS, "buffer": {"middleware": ["clone_object", {"type": "padding", "policy": "last"}]}},
        ),
        (
            "buffer.middleware.0=padding",
            {**SETTINGS, "buffer": {"middleware": ["padding", {"type": "padding"}]}},
        ),
    ],
)
def test_a_change_is_put_where_its_path_leads(change, expected) -> None:
    assert expected == with_overrides(SETTINGS, [change])


def test_a_layer_that_is_only_a_name_gets_room_for_a_setting() -> None:
    changed = with_overrides({"middleware": ["use_time_check"]}, ["middleware[0].max_use=3"])

    assert {"middleware": [{"type": "use_time_check", "max_use": 3}]} == changed


def test_later_changes_win_and_the_settings_given_stay_as_they_were() -> None:
    settings = {"learn": {"lr": 0.1}}

    assert {"learn": {"lr": 0.3}} == with_overrides(settings, ["learn.lr=0.2", "learn.lr=0.3"])
    assert {"learn": {"lr": 0.1}} == settings


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("seed", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("learn..=3", "is not a path"),
        ("learn[x=3", "is not a path"),
        ("seed={", "not valid YAML"),
        ("seed.deep=1", "seed holds no settings, it is 0"),
        ("buffer.middleware[2].max_use=1", "list of 2"),
        ("buffer.middleware.first=1", "list of 2"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_by_its_own_words(change, complaint) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        with_overrides(SETTINGS, [change])

    assert str(caught.value).startswith(f"--set {change}: ")
