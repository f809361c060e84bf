from __future__ import annotations

from ding_buffer.pipeline.data_user import DataUser
from ding_buffer.pipeline.data_users_dict import DataUsersDict
from ding_buffer.pipeline.persistent_state import PersistentStateMixin
from tests.pipeline.plain_buffers import Values


def test_whoever_overrides_nothing_saves_nothing(tmp_path):
    Values().save_state(tmp_path / "state")
    Values().load_state(tmp_path / "state")

    assert [] == list(tmp_path.iterdir())


def test_all_that_holds_data_can_be_saved():
    assert all(
        isinstance(one, PersistentStateMixin) for one in (Values(), DataUser(Values()), DataUsersDict())
    )
