from __future__ import annotations

from collections import UserDict
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.config.create import create_buffer, get_buffer_cls, load_config
from ding_buffer.core.chain import Middleware, layer_name
from ding_buffer.core.errors import BadArgument, ChainError, ConfigError, MissingExtra
from ding_buffer.storages.object_storage import ObjectStorage

LAYERED = {
    "type": "deque",
    "size": 10,
    "seed": 0,
    "storage": {"type": "object"},
    "middleware": ["clone_object", {"type": "use_time_check", "max_use": 2}, "PriorityExperienceReplay"],
}


class Needing(Middleware):
    """Has to be given the buffer, as the original's layers."""

    def __init__(self, buffer_, steps: int = 1) -> None:
        if steps < 1:
            raise BadArgument(f"steps must be 1 or more, got {steps}")
        self.given = buffer_


class Costly:
    made: list = []  # noqa: RUF012

    def __init__(self, storage: object = None, size: int = 3) -> None:
        self.made.append(storage)


class Disk(ObjectStorage):
    made: list = []  # noqa: RUF012

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.made.append(capacity)


def missing(steps: int = 1):
    raise MissingExtra.of("torch", "torch")


def mistakes(config) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        create_buffer(config)
    message = str(caught.value)
    return [line.strip() for line in message.splitlines()[1:]] or [
        message.removeprefix("the buffer config: ")
    ]


@pytest.mark.parametrize("kind", [dict, EasyDict, UserDict])
def test_any_mapping_becomes_the_buffer_it_describes(kind: type) -> None:
    buffer = create_buffer(kind(LAYERED))

    assert isinstance(buffer, DequeBuffer)
    assert 10 == buffer.size
    names = ["clone_object", "use_time_check", "PriorityExperienceReplay"]
    assert names == [layer_name(layer) for layer in buffer._middleware]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_yaml_file_becomes_the_same_buffer_as_the_mapping(kind: type, tmp_path: Path) -> None:
    path = tmp_path / "layered.yaml"
    path.write_text(yaml.safe_dump(LAYERED), encoding="utf-8")
    batches = []
    for buffer in (create_buffer(kind(path)), create_buffer(LAYERED)):
        for step in range(10):
            buffer.push(step)
        batches.append([item.data for item in buffer.sample(4)])

    assert batches[0] == batches[1]


def test_a_config_is_not_changed_and_can_be_used_again() -> None:
    config = EasyDict(LAYERED)
    first, second = create_buffer(config), create_buffer(config)

    assert EasyDict(LAYERED) == config
    assert first is not second
    assert set() == {id(layer) for layer in first._middleware} & {id(layer) for layer in second._middleware}


def test_the_first_layer_is_the_outermost() -> None:
    seen = []

    def watching(name):
        def layer(action, chain, *args, **kwargs):
            seen.append(name)
            return chain(*args, **kwargs)

        return layer

    create_buffer({"type": "deque", "size": 3, "middleware": [watching("outer"), watching("inner")]}).push(1)

    assert ["outer", "inner"] == seen


def test_a_layer_that_has_to_be_given_the_buffer_is_given_it() -> None:
    buffer = create_buffer({"type": "deque", "size": 3, "middleware": [{"type": Needing, "steps": 2}]})
    (layer,) = buffer._middleware

    assert isinstance(layer, Needing)
    assert buffer is layer.given


def test_a_storage_that_is_already_made_is_taken_as_it_is() -> None:
    storage = ObjectStorage()

    assert storage is create_buffer({"type": "deque", "size": 3, "storage": storage}).store.storage


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"size": 0}, "size: "),
        ({"size": -3}, "size: "),
        ({"middleware": [{"type": "use_time_check", "max_use": 0}]}, "middleware[0].max_use: "),
        (
            {"middleware": [{"type": "per", "priority_power_factor": -0.5}]},
            "middleware[0].priority_power_factor: ",
        ),
        (
            {"middleware": [{"type": "per", "IS_weight_power_factor": -0.1}]},
            "middleware[0].IS_weight_power_factor: ",
        ),
        ({"middleware": [{"type": "group", "size_in_group": 0}]}, "middleware[0].size_in_group: "),
        (
            {"middleware": ["clone", {"type": "staleness", "max_staleness": -1}]},
            "middleware[1].max_staleness: ",
        ),
        ({"middleware": [{"type": "pad", "policy": "randomly"}]}, "middleware[0].policy: "),
        ({"middleware": ["range_view"]}, "middleware[0]"),
        (
            {"middleware": [{"type": Needing, "steps": 0}]},
            "middleware[0].steps: steps must be 1 or more, got 0",
        ),
    ],
)
def test_an_impossible_value_is_told_with_its_path(config: dict, expected: str) -> None:
    (mistake,) = mistakes({"type": "deque", "size": 10, **config})

    assert mistake.startswith(expected)


def test_impossible_values_in_different_places_are_told_together() -> None:
    layers = [{"type": "use_time_check", "max_use": 0}, {"type": "per", "priority_power_factor": -0.5}]
    told = mistakes({"type": "deque", "size": 0, "middleware": layers})

    paths = ["middleware[0].max_use", "middleware[1].priority_power_factor", "size"]
    assert paths == sorted(line.split(": ")[0] for line in told)


def test_the_refusal_itself_is_the_cause() -> None:
    with pytest.raises(ConfigError) as caught:
        create_buffer({"type": "deque", "size": 0})

    assert isinstance(caught.value.__cause__, BadArgument)


def test_an_order_of_layers_that_is_refused_is_told_with_the_fix() -> None:
    with pytest.raises(ConfigError, match=r"^the buffer config: middleware\[1\]: ") as caught:
        create_buffer(
            {"type": "deque", "size": 10, "middleware": ["PriorityExperienceReplay", "staleness_check"]}
        )

    assert isinstance(caught.value.__cause__, ChainError)
    assert str(caught.value.__cause__) in str(caught.value)


def test_a_storage_is_not_made_for_a_config_with_mistakes() -> None:
    broken = [{"type": Needing, "steps": "two"}, {"type": "use_time_check", "max_use": 0}]
    for layer in broken:
        mistakes({"type": "deque", "size": 10, "storage": {"type": Disk}, "middleware": [layer]})

    assert [] == Disk.made


def test_a_storage_is_made_for_the_size_of_the_buffer() -> None:
    create_buffer({"type": "deque", "size": 10, "storage": Disk})
    Disk.made, made = [], Disk.made

    assert [10] == made


def test_a_storage_that_cannot_be_made_is_told_and_no_buffer_is_made() -> None:
    def broken(shape: int):
        raise ValueError(f"shape is {shape}")

    config = {"type": Costly, "storage": {"type": broken, "shape": 3}}

    assert ["storage.shape: shape is 3"] == mistakes(config)
    assert [] == Costly.made


def test_a_missing_optional_library_stays_what_it_is() -> None:
    with pytest.raises(MissingExtra, match=r"ding_buffer\[torch\]"):
        create_buffer({"type": "deque", "size": 10, "middleware": [{"type": missing}]})


def test_an_error_that_is_no_refusal_passes_through() -> None:
    def buggy():
        raise RuntimeError("a bug of the layer")

    with pytest.raises(RuntimeError, match="a bug of the layer"):
        create_buffer({"type": "deque", "size": 10, "middleware": [{"type": buggy}]})


def test_messages_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("type: deque\nsizes: 3\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"mine\.yaml: sizes: unknown key; did you mean size\?"):
        create_buffer(path)


@pytest.mark.parametrize("name", ["deque", "DequeBuffer"])
def test_the_class_of_a_type_is_found_without_its_settings(name: str) -> None:
    assert DequeBuffer is get_buffer_cls({"type": name})
    assert DequeBuffer is get_buffer_cls(EasyDict(type=name, size="not looked at"))


def test_the_class_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown buffer type 'advance'; did you mean advanced"):
        get_buffer_cls({"type": "advance"})


def test_configs_are_loaded_from_here_too() -> None:
    assert {"type": "deque"} == load_config({"type": "deque"})


WORKERS = ["naive", "elastic", "sequence", "episode", "advanced", "deque_wrapper"]


@pytest.mark.parametrize("kind", [dict, EasyDict])
@pytest.mark.parametrize("name", WORKERS)
def test_worker_buffers_are_made_from_a_config_and_what_stands_beside_it(name: str, kind) -> None:
    writer = SimpleNamespace(add_scalar=lambda tag, value, step: None)
    cfg = kind({"type": name, "replay_buffer_size": 7})
    buffer = create_buffer(cfg, tb_logger=writer, exp_name="run", instance_name="mine")

    assert get_buffer_cls(cfg) is type(buffer)
    assert (7, "run", "mine") == (buffer.replay_buffer_size, buffer.exp_name, buffer.instance_name)
    assert {"type": name, "replay_buffer_size": 7} == cfg


@pytest.mark.parametrize("name", WORKERS)
def test_the_default_config_of_a_worker_buffer_makes_one(name: str) -> None:
    face = get_buffer_cls({"type": name})
    made = create_buffer(face.default_config())

    assert name == made.cfg.type


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        (
            {"replay_bufer_size": 3},
            "the buffer config: replay_bufer_size: .* did you mean replay_buffer_size",
        ),
        (
            {"monitor": {"periodic_thruput": {"second": 3}}},
            "monitor.periodic_thruput.second: .* mean seconds",
        ),
        ({"deepcopy": 3}, "deepcopy: expected true or false, got 3"),
        ({"middleware": ["clone"]}, "middleware: this type has the layers that its settings ask for"),
        ({"storage": "column"}, "storage: this type has no choice of storage"),
    ],
)
def test_a_mistake_in_the_config_of_a_worker_buffer_is_told_with_its_path(cfg, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_buffer({"type": "advanced", **cfg})


def test_all_mistakes_in_the_config_of_a_worker_buffer_are_told_at_once() -> None:
    cfg = {
        "type": "advanced",
        "replay_bufer_size": 3,
        "alpha": 2,
        "thruput_controller": {"push_sample_rate_limit": {"max": -1, "most": 3}},
        "middleware": ["clone"],
    }
    with pytest.raises(ConfigError) as caught:
        create_buffer(cfg)
    first, *lines = str(caught.value).splitlines()

    begins = (
        "middleware: this type has the layers that its settings ask for",
        "replay_bufer_size: unknown key; did you mean replay_buffer_size?",
        "alpha: expected a number from 0 to 1, got 2",
        "thruput_controller.push_sample_rate_limit.max: expected a number of at least 0",
        "thruput_controller.push_sample_rate_limit.most: unknown key (known: max, min)",
    )
    assert "the buffer config: 5 mistakes" == first
    assert all(line.startswith(f"  {begin}") for line, begin in zip(lines, begins, strict=True))


def test_what_stands_beside_a_config_must_be_a_setting_of_its_type() -> None:
    with pytest.raises(ConfigError, match="tb_logger: unknown key"):
        create_buffer({"type": "deque", "size": 3}, tb_logger=object())

    assert 5 == create_buffer({"type": "deque", "size": 3}, size=5, tb_logger=None).size
