import os
import socket
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from proctor.cli.services.endpoints import free_port
from proctor.cli.services.errors import ServiceError
from proctor.cli.stack import on_a_free_port

# Away from that of another process of the suite, whose tests take ports as well.
PREFERRED_PORT = 10_000 + os.getpid() % 1_000 * 20


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def test_a_port_that_another_took_meanwhile_is_given_up():
    tried = []
    with ExitStack() as held:

        def lose_the_first(address: str) -> None:
            tried.append(address)
            if len(tried) == 1:
                rival = held.enter_context(socket.socket())
                rival.bind(("127.0.0.1", port_of(address)))
                rival.listen()
                raise ServiceError("The port is taken.", "")

        assert on_a_free_port(free_port(PREFERRED_PORT), lose_the_first) == tried[1]
    assert port_of(tried[1]) > port_of(tried[0])


def test_a_server_that_fails_for_another_reason_is_not_tried_again():
    tried = []

    def fail(address: str) -> None:
        tried.append(address)
        raise ServiceError("It has no database.", "")

    with pytest.raises(ServiceError, match="no database"):
        on_a_free_port(free_port(PREFERRED_PORT), fail)
    assert len(tried) == 1


def test_a_platform_that_does_not_know_our_token_is_not_ours(tmp_path):
    from proctor.cli.stack import answers

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.headers.get("Authorization") == "Bearer mine"
            self.send_response(200 if known else 401)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/api/v1/me"
    try:
        assert not answers(url, tmp_path / "admin-token")
        (tmp_path / "admin-token").write_text("another\n")
        assert not answers(url, tmp_path / "admin-token")
        (tmp_path / "admin-token").write_text("mine\n")
        assert answers(url, tmp_path / "admin-token")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
