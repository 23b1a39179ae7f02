import socket
from pathlib import Path

import pytest

from proctor.cli.services.endpoints import free_port, read_endpoints, write_endpoints
from proctor.cli.services.errors import ServiceError


def listening(port: int = 0) -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_a_free_port_is_taken_as_it_is() -> None:
    with listening() as server:
        port = server.getsockname()[1]
    assert free_port(port) == port


def test_a_taken_port_gives_a_later_one() -> None:
    with listening() as server:
        port = server.getsockname()[1]
        assert port < free_port(port) < port + 100


def test_no_free_port_is_said_with_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as server:
        port = server.getsockname()[1]
        monkeypatch.setattr("proctor.cli.services.endpoints._PORTS_TRIED", 1)
        with pytest.raises(ServiceError, match=f"from {port} to {port}"):
            free_port(port)


def test_endpoints_are_read_as_they_were_written(tmp_path: Path) -> None:
    state = tmp_path / "state"
    write_endpoints(state, {"api": "http://127.0.0.1:8000"})
    write_endpoints(state, {"api": "http://127.0.0.1:8001", "dashboard": "http://127.0.0.1:8501"})
    assert read_endpoints(state)["api"] == "http://127.0.0.1:8001"
    assert [path.name for path in state.iterdir()] == ["endpoints.json"]


def test_no_running_service_means_no_endpoints(tmp_path: Path) -> None:
    assert read_endpoints(tmp_path) == {}
