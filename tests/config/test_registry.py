from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest

from ding_buffer.config.registry import Registry
from ding_buffer.core.errors import BadArgument, ConfigError, MissingExtra

MODULE = """
from ding_buffer.core.errors import MissingExtra

class Thing:
    pass

text = "not callable"

def __getattr__(name):
    if name == "Costly":
        raise MissingExtra.of("costly", "all")
    raise AttributeError(name)
"""


@pytest.fixture
def registry() -> Registry:
    shipped = {"ordered": "collections:OrderedDict", "broken": "collections:NoSuchThing"}
    return Registry("thing", "ding_buffer.test_things", shipped, {"od": "ordered"})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two distributions that offer things by entry point."""
    (tmp_path / "offered_things.py").write_text(MODULE, encoding="utf-8")
    offers = {
        "first": "offered = offered_things:Thing\nordered = offered_things:Thing\n"
        "twice = offered_things:Thing\n"
        "gone = offered_things:Gone\nnowhere = no_such_module:Thing\ntext = offered_things:text\n"
        "costly = offered_things:Costly\n",
        "second": "twice = collections:Counter\n",
    }
    for name, points in offers.items():
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8"
        )
        (folder / "entry_points.txt").write_text(f"[ding_buffer.test_things]\n{points}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_what_ships_is_imported_when_asked_for(registry: Registry) -> None:
    assert OrderedDict is registry.get("ordered")
    assert OrderedDict is registry.get("ordered")


def test_another_spelling_finds_the_same(registry: Registry) -> None:
    assert OrderedDict is registry.get("od")
    assert "od" in registry
    assert {"od": "ordered"} == registry.aliases()


def test_an_unknown_name_is_a_key_error(registry: Registry) -> None:
    with pytest.raises(KeyError, match="mine"):
        registry.get("mine")
    assert "mine" not in registry


def test_a_decorator_registers_and_returns_the_class_unchanged(registry: Registry) -> None:
    @registry.register("mine")
    class Mine:
        pass

    assert Mine is registry.get("mine")
    assert "mine" == registry.name_of(Mine)


@pytest.mark.parametrize("name", ["ordered", "od"])
def test_a_taken_name_is_refused_unless_forced(registry: Registry, name: str) -> None:
    with pytest.raises(BadArgument, match=rf"the thing '{name}' is already registered.*force=True"):
        registry.register(name)(dict)
    registry.register(name, force=True)(dict)

    assert dict is registry.get(name)


def test_a_decorator_without_a_name_is_refused(registry: Registry) -> None:
    with pytest.raises(BadArgument, match=r'as in @register\("mine"\)'):
        registry.register(dict)  # type: ignore[arg-type]


def test_what_makes_nothing_is_refused(registry: Registry) -> None:
    with pytest.raises(BadArgument, match="a class or a function"):
        registry.register("mine")(3)  # type: ignore[type-var]


def test_a_forgotten_name_is_unknown(registry: Registry) -> None:
    registry.register("mine")(dict)
    registry.unregister("mine")

    assert ["broken", "ordered"] == registry.names()
    with pytest.raises(BadArgument, match="no thing 'mine' is registered"):
        registry.unregister("mine")


def test_the_name_of_a_class_is_found_without_importing(registry: Registry) -> None:
    assert "ordered" == registry.name_of(OrderedDict)
    assert registry.name_of(dict) is None


@pytest.mark.usefixtures("installed")
def test_an_installed_distribution_offers_names_of_its_own(registry: Registry) -> None:
    assert "offered" in registry
    assert "Thing" == registry.get("offered").__name__
    assert {"broken", "offered", "ordered", "twice"} <= set(registry.names())


@pytest.mark.usefixtures("installed")
def test_a_registered_name_wins_over_an_installed_one(registry: Registry) -> None:
    assert OrderedDict is registry.get("ordered")


@pytest.mark.usefixtures("installed")
def test_a_name_two_distributions_claim_is_refused(registry: Registry) -> None:
    with pytest.raises(ConfigError, match="collections:Counter, offered_things:Thing"):
        registry.get("twice")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["gone", "nowhere"])
def test_an_offer_that_cannot_be_loaded_is_told(registry: Registry, name: str) -> None:
    with pytest.raises(ConfigError, match=f"the thing '{name}' of .* cannot be loaded"):
        registry.get(name)


@pytest.mark.usefixtures("installed")
def test_an_offer_that_makes_nothing_is_told(registry: Registry) -> None:
    with pytest.raises(ConfigError, match="neither a class nor a function"):
        registry.get("text")


@pytest.mark.usefixtures("installed")
def test_a_missing_optional_library_stays_what_it_is(registry: Registry) -> None:
    with pytest.raises(MissingExtra, match="costly is not installed"):
        registry.get("costly")
