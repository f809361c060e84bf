from __future__ import annotations

from typing import Any

import pytest

from ding_buffer.core import errors

CAUGHT_AS: dict[str, list[type[Exception]]] = {
    "NotEnoughItems": [ValueError],
    "RateLimited": [errors.NotEnoughItems, ValueError],
    "RateLimitTimeout": [TimeoutError],
    "UnknownIndex": [KeyError],
    "NoSuchPosition": [IndexError],
    "Overtaken": [LookupError],
    "BadQuery": [AssertionError, ValueError],
    "UnknownArgument": [TypeError],
    "BadArgument": [TypeError, ValueError],
    "SchemaError": [errors.BadArgument, TypeError, ValueError],
    "BadPriority": [ValueError, AssertionError],
    "MissingMeta": [AssertionError, KeyError],
    "MissingPayloadField": [AttributeError, KeyError],
    "ChainError": [ValueError],
    "ConfigError": [ValueError, KeyError],
    "CorruptSnapshot": [ValueError],
    "MissingExtra": [ImportError],
}


def test_every_error_is_named_here():
    ours = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    }

    assert {"DingBufferError", *CAUGHT_AS} == ours


@pytest.mark.parametrize("name", CAUGHT_AS)
def test_each_is_caught_by_the_root_and_by_the_builtins_that_di_engine_raised(name):
    kind = getattr(errors, name)
    kinds: list[Any] = [errors.DingBufferError, *CAUGHT_AS[name]]
    for caught in kinds:
        with pytest.raises(caught, match="what was wrong"):
            raise kind("what was wrong")


@pytest.mark.parametrize("name", CAUGHT_AS)
def test_the_message_is_shown_as_it_was_written(name):
    assert 'it\'s "quoted"' == str(getattr(errors, name)('it\'s "quoted"'))


def test_an_error_without_a_message_can_be_shown():
    assert "" == str(errors.DingBufferError())
    assert "('a', 'b')" == str(errors.UnknownIndex("a", "b"))


def test_a_missing_library_names_the_extra_that_brings_it():
    message = str(errors.MissingExtra.of("torch", "torch"))

    assert "torch is not installed" in message
    assert "pip install 'ding_buffer[torch]'" in message
