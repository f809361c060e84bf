from __future__ import annotations

from pathlib import Path

import pytest
from easydict import EasyDict

from ding_buffer.config.load import load_config, source_name
from ding_buffer.core.errors import ConfigError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "buffer.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_yaml_file_is_read_by_path_or_by_its_text(tmp_path: Path) -> None:
    path = written(tmp_path, "type: deque\nsize: 10\nlimit: .inf\n")

    assert {"type": "deque", "size": 10, "limit": float("inf")} == load_config(path)
    assert load_config(path) == load_config(str(path))


def test_a_mapping_is_copied_and_its_objects_are_not() -> None:
    given = EasyDict(type="deque", thing=object())
    loaded = load_config(given)
    loaded["size"] = 3

    assert "size" not in given
    assert given.thing is loaded["thing"]


def test_a_key_that_stands_twice_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)the key 'size' stands twice.*line 3"):
        load_config(written(tmp_path, "type: deque\nsize: 1\nsize: 2\n"))


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    text = "base: &base {size: 1, type: deque}\nmore:\n  <<: *base\n  size: 2\n"

    assert {"size": 2, "type": "deque"} == load_config(written(tmp_path, text))["more"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: [deque\n", "not valid YAML"),
        ("thing: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        ("- type: deque\n", "a config is a mapping"),
        ("", "got null"),
    ],
)
def test_what_describes_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "buffer.yaml"
    path.write_bytes(b"\xff\xfe\x00\xd8")

    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no config file .*gone\.yaml") as caught:
        load_config(tmp_path / "gone.yaml")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_the_name_of_a_type_in_place_of_a_path_gets_advice() -> None:
    with pytest.raises(ConfigError, match=r'to name a type, write \{"type": \.\.\.\}'):
        load_config("deque")


def test_anything_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="a config is a mapping or the path of a YAML file"):
        load_config(3)  # type: ignore[arg-type]


def test_messages_name_the_file() -> None:
    assert ["a.yaml", "the buffer config"] == [source_name(Path("a.yaml")), source_name({})]
