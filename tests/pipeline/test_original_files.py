from __future__ import annotations

import pickle
from collections import deque

import pytest

from ding_buffer.core.errors import CorruptSnapshot
from ding_buffer.pipeline.field_rows import FieldRows
from ding_buffer.pipeline.original_files import original_rows
from tests.pipeline.written_pickles import write_fields

AB = FieldRows(["a", "b"])


def write(path, value) -> None:
    path.write_bytes(pickle.dumps(value))


def test_a_directory_of_fields_becomes_rows(tmp_path):
    write_fields(tmp_path / "saved", {"b": [4, 5, 6], "a": [1, 2, 3], "c": [7]})

    assert [(1, 4), (2, 5), (3, 6)] == original_rows(tmp_path / "saved", AB)
    assert [] == original_rows(tmp_path / "saved", FieldRows([]))


def test_columns_of_different_lengths_are_refused(tmp_path):
    write_fields(tmp_path / "saved", {"a": [1, 2, 3], "b": [4, 5]})

    with pytest.raises(ValueError, match="Inconsistent list lengths in loaded data"):
        original_rows(tmp_path / "saved", AB)


def test_a_missing_field_is_a_missing_file(tmp_path):
    write_fields(tmp_path / "saved", {"a": [1]})

    with pytest.raises(FileNotFoundError, match=r"b\.pkl"):
        original_rows(tmp_path / "saved", AB)


@pytest.mark.parametrize("name", ["../x", "x/y", "/x"])
def test_no_field_leads_out_of_the_directory(tmp_path, name):
    (tmp_path / "saved").mkdir()
    write(tmp_path / "x.pkl", [1])

    with pytest.raises(CorruptSnapshot, match="no name of a file"):
        original_rows(tmp_path / "saved", FieldRows([name]))


@pytest.mark.parametrize("kind", [list, tuple, deque])
def test_one_file_of_values_is_found_under_either_name(tmp_path, kind):
    write(tmp_path / "v1.pkl", kind([1, "x", None]))

    assert [1, "x", None] == original_rows(tmp_path / "v1", None)
    assert [1, "x", None] == original_rows(tmp_path / "v1.0", None)  # as the original named it
    write(tmp_path / "v1.0.pkl", kind([2]))
    assert [2] == original_rows(tmp_path / "v1.0", None)


def test_mappings_have_the_keys_that_are_expected(tmp_path):
    write(tmp_path / "saved.pkl", [{"b": 2, "a": 1}, {"a": 3, "b": 4}])

    assert [(1, 2), (3, 4)] == original_rows(tmp_path / "saved", FieldRows(["a", "b"], True))
    for names in (["a"], ["a", "b", "c"], ["a", "x"]):
        with pytest.raises(CorruptSnapshot, match="do not match expected keys"):
            original_rows(tmp_path / "saved", FieldRows(names, True))


def test_mappings_may_be_saved_as_columns(tmp_path):
    write(tmp_path / "saved.pkl", {"b": [2, 4], "a": [1, 3]})

    assert [(1, 2), (3, 4)] == original_rows(tmp_path / "saved", FieldRows(["a", "b"], True))
    with pytest.raises(CorruptSnapshot, match="Inconsistent"):
        original_rows(tmp_path / "saved", FieldRows(["a", "x"], True))


@pytest.mark.parametrize("value", [5, "text", {"a": 1}, None])
def test_what_is_no_list_is_refused(tmp_path, value):
    write(tmp_path / "saved.pkl", value)

    with pytest.raises(CorruptSnapshot, match="expected a list"):
        original_rows(tmp_path / "saved", None)


def test_the_one_form_is_not_taken_for_the_other(tmp_path):
    write_fields(tmp_path / "fields", {"a": [1], "b": [2]})
    write(tmp_path / "values.pkl", [1])

    with pytest.raises(CorruptSnapshot, match="of a buffer with named fields"):
        original_rows(tmp_path / "fields", None)
    with pytest.raises(CorruptSnapshot, match="without named fields"):
        original_rows(tmp_path / "values", AB)
    with pytest.raises(FileNotFoundError, match="Nothing was saved as"):
        original_rows(tmp_path / "nothing", AB)
