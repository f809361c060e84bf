from __future__ import annotations

import pytest
from easydict import EasyDict

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.config.catalog import BUFFERS, LAYERS, STORAGES
from ding_buffer.config.create import create_buffer
from ding_buffer.config.defaults import default_config
from ding_buffer.core.errors import ConfigError


def own_layer(buffer, steps: int = 3, names: tuple = ("a",)):
    return buffer, steps, names


def test_the_defaults_of_a_type_become_a_buffer_once_the_required_is_set() -> None:
    config = default_config("deque")
    config.size = 3

    assert isinstance(create_buffer(config), DequeBuffer)


def test_the_defaults_are_those_of_the_constructor() -> None:
    layer = default_config("PriorityExperienceReplay")

    assert ("PriorityExperienceReplay", True, 0.6, 0.4) == (
        layer.type,
        layer.IS_weight,
        layer.priority_power_factor,
        layer.IS_weight_power_factor,
    )
    assert "buffer" not in layer


@pytest.mark.parametrize("name", [*BUFFERS.names(), *LAYERS.names(), *STORAGES.names()])
def test_every_name_has_defaults(name: str) -> None:
    config = default_config(name)

    assert isinstance(config, EasyDict)
    assert name == config.type


def test_a_registered_class_knows_its_name() -> None:
    assert "deque" == default_config(DequeBuffer).type


def test_any_class_or_function_has_defaults() -> None:
    assert {"steps": 3, "names": ("a",)} == default_config(own_layer)


def test_what_is_returned_belongs_to_the_caller() -> None:
    default_config("deque").seed = 5

    assert default_config("deque").seed is None


def test_the_type_itself_tells_its_defaults() -> None:
    assert default_config("deque").items() >= DequeBuffer.default_config().items()


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown name 'paddings'; did you mean padding\?"):
        default_config("paddings")
