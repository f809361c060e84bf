from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ding_buffer.core.errors import BadArgument
from ding_buffer.core.item import BufferedData
from ding_buffer.replay.advanced_buffer import AdvancedReplayBuffer
from ding_buffer.replay.used_data import UsedData
from ding_buffer.replay.used_data_remover import UsedDataRemover


def items(*names: str) -> list[BufferedData]:
    return [BufferedData({"data_id": name}, name, {}) for name in names]


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in "abc":
        (tmp_path / name).write_text("data")
    return tmp_path


def there(folder: Path) -> str:
    return "".join(sorted(path.name for path in folder.iterdir()))


def test_what_gave_way_or_was_cleared_or_replaced_is_handed_over_at_once(folder) -> None:
    for name, reason in zip("abc", ("evicted", "cleared", "replaced"), strict=True):
        used = UsedData(10, UsedDataRemover(folder))
        used.left(items(name), reason)
        used.remover.close()

    assert "" == there(folder)


def test_what_was_deleted_is_kept_until_its_place_would_have_been_taken(folder) -> None:
    used = UsedData(3, UsedDataRemover(folder))
    used.pushed(5)
    used.left(items("a"), "deleted")
    used.pushed(1)
    used.left(items("b"), "deleted")
    used.pushed(1)
    used.remover.close()
    assert "abc" == there(folder)
    used.pushed(1)
    used.remover.close()
    assert "bc" == there(folder)
    used.close()

    assert "c" == there(folder)


def test_a_payload_that_names_no_file_inside_is_refused_beforehand(folder) -> None:
    used = UsedData(3, UsedDataRemover(folder))
    used.check([{"data_id": "a"}, {"data_id": str(folder / "b")}])
    for wrong in ({}, {"data_id": str(folder.parent)}, {"data_id": "../x"}, 3):
        with pytest.raises(BadArgument):
            used.check([wrong])


def test_a_payload_that_was_changed_since_is_counted_and_the_others_are_handed_over(folder, caplog) -> None:
    used = UsedData(3, UsedDataRemover(folder))
    used.left([*items("../x"), *items("a")], "evicted")
    used.close()

    assert ("bc", 1) == (there(folder), used.refused)
    assert "A file of used data stays" in caplog.text


def test_files_of_used_up_items_can_be_read_until_others_have_come(folder) -> None:
    cfg: dict[str, Any] = {"replay_buffer_size": 2, "max_use": 1, "used_data_directory": folder}
    with AdvancedReplayBuffer({**cfg, "enable_track_used_data": True}) as buffer:
        buffer.push([{"data_id": "a"}], 0)
        assert 1 == len(buffer.sample(1, 0) or [])
        assert (0, "abc") == (buffer.count(), there(folder))
        buffer.push([{"data_id": "b"}, {"data_id": "c"}], 0)
        buffer._used_data.remover.close()

        assert "bc" == there(folder)
        assert {
            "added": 1,
            "waiting": 0,
            "removed": 1,
            "missing": 0,
            "failed": 0,
            "refused": 0,
        } == buffer.stats()["used_data"]
    assert "" == there(folder)
