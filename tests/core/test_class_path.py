from __future__ import annotations

import sys
import types

import pytest

from ding_buffer.core.class_path import class_at, findable_path, path_of
from ding_buffer.core.errors import BadArgument, CorruptSnapshot


class Outer:
    class Inner:
        pass


def test_a_class_is_found_under_its_path():
    assert f"{__name__}:Outer.Inner" == path_of(Outer.Inner)
    assert f"{__name__}:Outer.Inner" == findable_path(Outer.Inner)
    assert Outer.Inner is class_at(findable_path(Outer.Inner))


def test_a_class_that_would_not_be_found_again_is_refused():
    class Hidden:
        pass

    with pytest.raises(BadArgument, match="no class is found under this name"):
        findable_path(Hidden)


@pytest.mark.parametrize("path", ["no_such_module:A", "sys:path", "sys:version.x", f"{__name__}:Missing", ""])
def test_a_path_that_leads_to_no_class_is_refused(path):
    with pytest.raises(CorruptSnapshot, match="The file holds objects of"):
        class_at(path)


def test_looking_for_a_class_imports_nothing(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    with pytest.raises(CorruptSnapshot, match="Import colorsys before loading it"):
        class_at("colorsys:Any")

    assert "colorsys" not in sys.modules


def test_looking_for_a_class_runs_no_code_of_a_module(monkeypatch):
    asked: list[str] = []
    module = types.ModuleType("asked_for")
    module.__getattr__ = asked.append  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "asked_for", module)

    with pytest.raises(CorruptSnapshot):
        class_at("asked_for:Made")

    assert [] == asked
