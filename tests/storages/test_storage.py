from __future__ import annotations

import inspect

import pytest

from ding_buffer.storages.column_storage import ColumnStorage
from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.storage import Columnar, Storage


@pytest.mark.parametrize(
    ("storage", "contract"),
    [(ObjectStorage, Storage), (ColumnStorage, Storage), (ColumnStorage, Columnar)],
)
def test_a_storage_has_every_method_of_the_contract_with_the_same_arguments(storage, contract):
    methods = {
        name: member
        for name, member in {**vars(Storage), **vars(contract)}.items()
        if inspect.isfunction(member) and name[0] != "_"
    }

    assert {"check", "item", "metas", "put", "take", "write"} < set(methods)
    for name, method in methods.items():
        theirs = inspect.signature(getattr(storage, name)).parameters
        assert list(inspect.signature(method).parameters) == list(theirs), name
    kinds = [name for name in contract.__annotations__ if contract.__annotations__[name] == "bool"]
    assert all(isinstance(getattr(storage, name), bool) for name in kinds)
    assert all(hasattr(storage, name) for name in contract.__annotations__)


def test_a_class_with_these_methods_is_a_storage_without_inheriting():
    storage: Storage = ObjectStorage()

    assert Storage not in type(storage).__mro__
