"""Buffers from configs.

A config is a mapping, or a YAML file, of this shape; only ``type`` has to be there::

    type: deque                  # a name in the catalog
    size: 10000                  # the type's own settings: the parameters of its constructor
    storage: object              # a name, or {type: name, ...settings}
    middleware:                  # the layers, the outermost first, each a name or a mapping as above
      - clone_object
      - {type: use_time_check, max_use: 2}
    import_names: [my_project.layers]    # modules to import first: they register names of their own

In Python, a layer or a storage that is already made, and a class in place of a name, are taken as they are.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from ding_buffer.config.load import load_config, source_name
from ding_buffer.config.plan import CAPACITY, Part, read_plan, read_type
from ding_buffer.core.errors import ConfigError, MissingExtra
from ding_buffer.core.problems import Problems, joined
from ding_buffer.core.settings import default_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ding_buffer.config.load import ConfigSource
    from ding_buffer.config.plan import Plan
    from ding_buffer.config.registry import Factory

__all__ = ["create_buffer", "get_buffer_cls", "load_config"]


def create_buffer(cfg: ConfigSource, **given: Any) -> Any:
    """Makes the buffer that ``cfg`` describes, with its storage and its layers in place.

    A ``Buffer``, or for the types of ``ding_buffer.replay`` an ``IBuffer``; those also take ``tb_logger``,
    ``exp_name`` and ``instance_name``. ``given`` is what stands in no file: further settings of the type;
    None is as if not given.

    ``cfg`` (an EasyDict, any mapping, or the path of a YAML file) is not changed. Its mistakes are told by
    one ``ConfigError``: unknown keys and names, wrong types, impossible values, layers in an order that is
    refused. A missing optional library stays a ``MissingExtra``.
    """
    problems = Problems(source_name(cfg))
    also = {key: value for key, value in given.items() if value is not None}
    plan = read_plan({**load_config(cfg), **also}, problems)
    layers = {
        position: _make(layer, problems)
        for position, layer in enumerate(plan.layers)
        if not _wants_buffer(layer)
    }
    if problems and plan.storage is not None:
        # A storage may touch a disk; it is made for a config without mistakes only.
        problems.raise_if_any()
    buffer = _make_buffer(plan, problems)
    problems.raise_if_any()
    for position, layer in enumerate(plan.layers):
        made = layers[position] if position in layers else _make(layer, problems, buffer)
        problems.raise_if_any()
        with _noting(problems, f"middleware[{position}]", {}):
            buffer.use(made)
        problems.raise_if_any()
    return buffer


def get_buffer_cls(cfg: ConfigSource) -> type[Any]:
    """Returns the class of the buffers that ``cfg`` names; only ``type`` and ``import_names`` are looked at.

    Every class that ships has ``default_config()``. A type that was registered as a function has no class
    before it is made: it is that function which is returned. Raises ``ConfigError`` for an unknown type.
    """
    problems = Problems(source_name(cfg))
    factory = read_type(load_config(cfg), problems)
    if factory is None or problems:
        raise problems.error()
    return cast("type[Any]", factory)


def _wants_buffer(layer: Part | Factory) -> bool:
    return isinstance(layer, Part) and layer.buffer_parameter() is not None


def _make_buffer(plan: Plan, problems: Problems) -> Any:
    if plan.buffer is None:
        return None
    if plan.storage is None:
        return _call(plan.buffer, problems, {})
    size = plan.buffer.settings.get("size", default_settings(plan.buffer.factory).get("size"))
    storage = _call(plan.storage, problems, {CAPACITY: size} if plan.storage.takes(CAPACITY) else {})
    return None if problems else _call(plan.buffer, problems, {"storage": storage})


def _make(layer: Part | Factory, problems: Problems, buffer: Any = None) -> Any:
    if not isinstance(layer, Part):
        return layer
    wanted = layer.buffer_parameter()
    return _call(layer, problems, {wanted: buffer} if wanted else {})


def _call(part: Part, problems: Problems, provided: Mapping[str, Any]) -> Any:
    """Makes ``part``; None after noting why it could not be made."""
    with _noting(problems, part.path, part.settings):
        return part.factory(**part.settings, **provided)
    return None


@contextmanager
def _noting(problems: Problems, path: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Notes a refusal at ``path``, or at the one of ``settings`` that its message speaks of first."""
    try:
        yield
    except MissingExtra:
        raise
    except ConfigError as error:  # says itself where
        problems.take(path, error)
    except (ValueError, TypeError) as error:
        message = str(error)
        words = re.findall(r"\w+", message)
        named = min((name for name in settings if name in words), key=words.index, default=None)
        problems.add(joined(path, named) if named else path, message, error)
