from __future__ import annotations

from pathlib import Path

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.config.catalog import LAYERS
from ding_buffer.config.plan import FOREIGN_LAYERS, Part, Plan, read_plan, read_type
from ding_buffer.config.schema import FOREIGN_NAMES
from ding_buffer.core.errors import ConfigError
from ding_buffer.core.problems import Problems
from ding_buffer.core.settings import settings_of
from ding_buffer.storages.object_storage import ObjectStorage

BELONGS = "{}: unknown key; it belongs to a layer: middleware: [{{type: {}, {}: ...}}] (known: "
MODULE = """
from ding_buffer.config.catalog import register_layer

@register_layer("imported_for_test")
def layer():
    return len
"""


def planned(**config) -> Plan:
    problems = Problems("it")
    plan = read_plan({"type": "deque", "size": 10, **config}, problems)
    problems.raise_if_any()
    return plan


def mistakes(**config) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        planned(**config)
    message = str(caught.value)
    return [line.strip() for line in message.splitlines()[1:]] or [message.removeprefix("it: ")]


def needing(buffer_, steps: int = 1):
    return buffer_, steps


def storeless(size: int):
    return size


def ready(action, chain, *args, **kwargs):
    return chain(*args, **kwargs)


def test_a_plan_makes_nothing() -> None:
    plan = planned(storage="object", middleware=["clone_object"])

    assert DequeBuffer is plan.buffer.factory
    assert {"size": 10} == plan.buffer.settings
    assert ObjectStorage is plan.storage.factory
    assert ["middleware[0]"] == [layer.path for layer in plan.layers if isinstance(layer, Part)]


def test_what_is_null_was_not_asked_for() -> None:
    plan = planned(storage=None, middleware=None, import_names=None)

    assert (None, []) == (plan.storage, plan.layers)


def test_a_layer_that_is_already_made_stands_for_itself() -> None:
    assert [ready] == planned(middleware=[ready]).layers


def test_a_class_stands_for_its_name() -> None:
    (layer,) = planned(middleware=[{"type": needing, "steps": 2}]).layers

    assert Part("middleware[0]", needing, {"steps": 2}) == layer


def test_a_part_knows_whether_it_has_to_be_given_the_buffer() -> None:
    assert "buffer_" == Part("", needing, {}).buffer_parameter()
    assert Part("", ObjectStorage, {}).buffer_parameter() is None
    assert (True, False) == (Part("", needing, {}).takes("steps"), Part("", needing, {}).takes("size"))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"middleware": "clone_object"},
            "middleware: expected a list of layers, the outermost first, got the ",
        ),
        (
            {"middleware": {"type": "padding"}},
            "middleware: expected a list of layers, the outermost first, got {",
        ),
        ({"middleware": [3]}, "middleware[0]: expected the name of a layer, got 3 (int)"),
        (
            {"middleware": [{"max_use": 3}]},
            "middleware[0].type: required, one of: PriorityExperienceReplay, clone_",
        ),
        (
            {"middleware": ["clone", "cloneobject"]},
            "middleware[1]: unknown layer 'cloneobject'; did you mean clone_",
        ),
        ({"middleware": [{"type": "padd"}]}, "middleware[0].type: unknown layer 'padd'; did you mean pad?"),
        (
            {"storage": "objects"},
            (
                "storage: unknown storage 'objects'; did you mean object? "
                "(known: column, memmap, object, shared)"
            ),
        ),
        ({"storage": {"type": "object", "room": 3}}, "storage.room: unknown key"),
        ({"storage": {"type": "object", "capacity": 3}}, "storage.capacity: unknown key"),
        ({"storage": 3}, "storage: expected a Storage (a Python object) or null, got 3 (int)"),
        ({"middlewares": []}, "middlewares: unknown key; did you mean middleware?"),
        ({"type": 3}, "type: expected the name of a buffer type, got 3 (int)"),
        (
            {"type": "dequeue"},
            "type: unknown buffer type 'dequeue'; did you mean deque? (known: advanced, deque, ",
        ),
        ({"import_names": "os"}, "import_names: expected a list of module names, got the text 'os'"),
        (
            {"import_names": [".os"]},
            "import_names[0]: expected the full name of a module, got the text '.os'",
        ),
        ({"import_names": ["os", "no_such_module"]}, "import_names[1]: the module 'no_such_module' cannot"),
        ({"max_use": 3}, BELONGS.format("max_use", "use_time_check", "max_use")),
        ({"alpha": 1}, BELONGS.format("alpha", "PriorityExperienceReplay", "priority_power_factor")),
        ({"padding": "random"}, "padding: unknown key; the layer padding does that"),
        ({"priority": True}, "priority: unknown key; the layer PriorityExperienceReplay does"),
    ],
)
def test_a_mistake_is_told_with_its_path(config: dict, expected: str) -> None:
    (mistake,) = mistakes(**config)

    assert mistake.startswith(expected)


def test_mistakes_in_different_places_are_told_together() -> None:
    told = mistakes(size="big", storage="objects", middleware=["clones", {"type": "padding", "policy": 3}])

    paths = ["middleware[0]", "middleware[1].policy", "size", "storage"]
    assert paths == sorted(line.split(": ")[0] for line in told)


def test_a_type_is_required_and_the_known_ones_are_named() -> None:
    problems = Problems("it")

    assert read_type({"size": 3}, problems) is None
    with pytest.raises(ConfigError, match="it: type: required, one of: advanced, deque, "):
        problems.raise_if_any()


def test_the_config_of_a_run_is_recognised() -> None:
    problems = Problems("it")
    read_type({"env": {}, "buffer": {"type": "deque"}}, problems)

    with pytest.raises(ConfigError, match="this holds a whole run: pass its section `buffer`"):
        problems.raise_if_any()


def test_a_type_without_a_choice_of_storage_says_so() -> None:
    assert ["storage: this type has no choice of storage"] == mistakes(type=storeless, storage="object")


def test_modules_are_imported_before_names_are_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module_with_a_layer.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    plan = planned(import_names=["module_with_a_layer"], middleware=["imported_for_test"])
    LAYERS.unregister("imported_for_test")

    assert 1 == len(plan.layers)


def test_hints_name_only_what_exists() -> None:
    factories = [DequeBuffer, *(LAYERS.get(name) for name in LAYERS.names())]
    settings = {name for factory in factories for name in settings_of(factory)}

    assert set() == set(FOREIGN_NAMES.values()) - settings
    assert set() == set(FOREIGN_LAYERS.values()) - set(LAYERS.names())


@pytest.fixture
def broken_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that offers a layer whose module is gone."""
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
    text = "[ding_buffer.layers]\naaa_broken_for_test = no_such_module:Layer\n"
    (folder / "entry_points.txt").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("broken_offer")
def test_an_installed_layer_that_cannot_be_loaded_is_told_to_who_asks_for_it() -> None:
    (mistake,) = mistakes(middleware=["aaa_broken_for_test"])

    assert mistake.startswith(
        "middleware[0]: the layer 'aaa_broken_for_test' of no_such_module:Layer cannot be"
    )


@pytest.mark.usefixtures("broken_offer")
def test_an_installed_layer_that_cannot_be_loaded_does_not_stand_in_the_way_of_a_hint() -> None:
    (mistake,) = mistakes(max_use=3)

    assert mistake.startswith(BELONGS.format("max_use", "use_time_check", "max_use"))
