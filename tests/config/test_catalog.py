from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ding_buffer.buffers.deque_buffer import DequeBuffer
from ding_buffer.config.catalog import (
    BUFFERS,
    LAYERS,
    STORAGES,
    register_buffer,
    register_layer,
    register_storage,
)
from ding_buffer.config.create import create_buffer
from ding_buffer.config.registry import Registry
from ding_buffer.core.chain import Middleware
from ding_buffer.storages.object_storage import ObjectStorage


@pytest.fixture
def names() -> Iterator[list[tuple[Registry, str]]]:
    """Names a test registers, to be forgotten after it."""
    taken: list[tuple[Registry, str]] = []
    yield taken
    for registry, name in taken:
        registry.unregister(name)


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        (registry, name)
        for registry in (BUFFERS, LAYERS, STORAGES)
        for name in [*registry.names(), *registry.aliases()]
    ],
)
def test_every_name_of_the_catalog_makes_something(registry: Registry, name: str) -> None:
    assert callable(registry.get(name))


def test_the_names_of_the_original_are_the_canonical_ones() -> None:
    original = {
        "PriorityExperienceReplay",
        "clone_object",
        "group_sample",
        "use_time_check",
        "staleness_check",
        "sample_range_view",
        "padding",
    }

    assert original <= set(LAYERS.names())
    assert original == {LAYERS.get(name).__name__ for name in original}
    assert "deque" in BUFFERS.names()


def test_every_other_spelling_stands_for_a_canonical_name() -> None:
    for registry in (BUFFERS, LAYERS, STORAGES):
        assert set() == set(registry.aliases().values()) - set(registry.names())


def test_importing_the_catalog_imports_nothing_that_it_names_and_nothing_heavy() -> None:
    code = "import sys, ding_buffer.config.catalog; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert set() == {"pydantic", "yaml", "torch"} & loaded
    assert set() == {name for name in loaded if name.startswith("ding_buffer.middleware.")} & loaded


def test_a_layer_of_ones_own_works_in_a_config(names: list[tuple[Registry, str]]) -> None:
    @register_layer("doubling_for_test")
    class Doubling(Middleware):
        def __init__(self, factor: int = 2) -> None:
            self.factor = factor

        def push(self, chain, data, meta=None):
            return chain(data * self.factor, meta=meta)

    names.append((LAYERS, "doubling_for_test"))
    buffer = create_buffer(
        {"type": "deque", "size": 3, "middleware": [{"type": "doubling_for_test", "factor": 5}]}
    )

    assert 10 == buffer.push(2).data


def test_a_function_of_the_original_protocol_works_in_a_config(names: list[tuple[Registry, str]]) -> None:
    @register_layer("refusing_for_test")
    def refusing():
        def layer(action, chain, *args, **kwargs):
            return None if action == "push" else chain(*args, **kwargs)

        return layer

    names.append((LAYERS, "refusing_for_test"))

    assert create_buffer({"type": "deque", "size": 3, "middleware": ["refusing_for_test"]}).push(2) is None


def test_a_buffer_type_and_a_storage_of_ones_own_work_in_a_config(names: list[tuple[Registry, str]]) -> None:
    @register_buffer("small_for_test")
    class Small(DequeBuffer):
        def __init__(self, storage: ObjectStorage | None = None, size: int = 7) -> None:
            super().__init__(size, storage=storage)

    @register_storage("labelled_for_test")
    class Labelled(ObjectStorage):
        def __init__(self, capacity: int, label: str) -> None:
            super().__init__()
            self.made_for = (capacity, label)

    names += [(BUFFERS, "small_for_test"), (STORAGES, "labelled_for_test")]
    storage = {"type": "labelled_for_test", "label": "a"}
    buffer = create_buffer({"type": "small_for_test", "storage": storage})

    assert isinstance(buffer, Small)
    assert isinstance(buffer.store.storage, Labelled)
    assert (7, "a") == buffer.store.storage.made_for
