from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from proctor.cli.services import postgresql
from proctor.cli.services.errors import ServiceError
from proctor.cli.services.postgresql import postgresql_server
from proctor.cli.services.process_tree import ProcessTree


@pytest.mark.postgresql
def test_a_server_listens_on_a_private_socket_only_and_leaves_nothing(tmp_path: Path) -> None:
    if postgresql.programs_folder() is None:
        pytest.skip("PostgreSQL is not installed")
    with ProcessTree(tmp_path) as tree:
        with postgresql_server(tree) as server:
            engine = create_engine(server.url("postgres"))
            with engine.connect() as connection:
                assert connection.scalar(text("SHOW listen_addresses")) == ""
                assert connection.scalar(text("SHOW server_encoding")) == "UTF8"
            assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
            engine.dispose()
        assert not server.folder.exists()


def test_a_machine_without_its_programs_is_told_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_DEBIAN", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with (
        ProcessTree(tmp_path) as tree,
        pytest.raises(ServiceError, match="initdb and postgres are not here"),
        postgresql_server(tree),
    ):
        pass
