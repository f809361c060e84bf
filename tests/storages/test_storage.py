from __future__ import annotations

import inspect

from ding_buffer.storages.object_storage import ObjectStorage
from ding_buffer.storages.storage import Storage


def test_the_object_storage_has_every_method_of_the_contract_with_the_same_arguments():
    methods = {
        name: member
        for name, member in vars(Storage).items()
        if inspect.isfunction(member) and name[0] != "_"
    }

    assert {"check", "clear", "drop", "item", "put", "state_dict", "stats", "take", "write"} == set(methods)
    for name, method in methods.items():
        theirs = inspect.signature(getattr(ObjectStorage, name)).parameters
        assert list(inspect.signature(method).parameters) == list(theirs), name
    assert ["strict"] == list(Storage.__annotations__)
    assert isinstance(ObjectStorage.strict, bool)


def test_a_class_with_these_methods_is_a_storage_without_inheriting():
    storage: Storage = ObjectStorage()

    assert Storage not in type(storage).__mro__
