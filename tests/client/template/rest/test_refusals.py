"""Requests that want more than an answer: other files, other hosts, other pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from proctor.template.rest.settings import LOCAL_HOSTS, Settings


class Elsewhere(BaseHTTPRequestHandler):
    """A host with a picture, a redirection, and an endless file."""

    content: ClassVar[bytes] = b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/a.png")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/none" else 200)
        self.end_headers()
        if self.path == "/a.png":
            self.wfile.write(self.content)
        if self.path == "/endless":
            try:
                while True:
                    self.wfile.write(b"a" * 65536)
            except OSError:
                pass

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def elsewhere(photo: bytes) -> Iterator[str]:
    Elsewhere.content, Elsewhere.asked = photo, []
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


WAYS_OUT = [
    "../model.json",
    "..%2fmodel.json",
    "%2e%2e/model.json",
    "....//model.json",
    "/etc/passwd",
    "//etc/passwd",
    "..\\model.json",
    "a.png/../../model.json",
    "link.png",
    "hidden/x",
    ".",
    "",
]


@pytest.mark.parametrize("name", WAYS_OUT)
def test_no_name_leads_out_of_the_samples(
    name: str, serve: Any, model_folder: Any, tmp_path: Path, photo: bytes
) -> None:
    samples = model_folder() / "samples"
    (samples / "a.png").write_bytes(photo)
    (tmp_path / "outside.png").write_bytes(photo)
    (samples / "link.png").symlink_to(tmp_path / "outside.png")
    running = serve()

    for path in (
        f"/api/samples/{name}",
        f"/api/output/{name}",
        f"/api/thumbnail/{name}",
        f"/static/{name}",
        f"/api/predict_sample?filename={quote(name)}",
        f"/predict_sample?name={quote(name)}",
        f"/api/predict?fileurl={quote(name)}",
    ):
        # As it is written: a client would take the dots away before it sends them.
        asking = HTTPConnection("127.0.0.1", running.port)
        asking.request("GET", path)
        answer = asking.getresponse()
        text = answer.read().decode()
        asking.close()
        assert 400 <= answer.status < 500, (path, text)
        assert "brightness" not in text, path
    assert running.client.get("/api/samples/a.png").content == photo


def test_no_host_is_asked_that_was_not_allowed(serve: Any, elsewhere: str) -> None:
    client = serve().client

    for url in (
        f"http://{elsewhere}/a.png",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "http://user@127.0.0.1/a.png",
        "http://[::1",
        "//127.0.0.1/a.png",
        "gopher://127.0.0.1:6379/_FLUSHALL",
    ):
        by_query = client.get("/api/predict", params={"fileurl": url})
        in_document = client.post("/predict", json={"photo": {"fileurl": url}})
        for answer in (by_query, in_document):
            assert answer.status_code in (400, 403), (url, answer.text)
    assert Elsewhere.asked == []


def test_an_allowed_host_is_asked_and_leads_nowhere_else(serve: Any, elsewhere: str) -> None:
    settings = Settings(url_hosts=(elsewhere,), most_body_bytes=1 << 20)
    client = serve(settings=settings).client

    def ask(path: str) -> Any:
        return client.get("/api/predict", params={"fileurl": f"http://{elsewhere}{path}"})

    assert ask("/a.png").json()["output"][0]["type"] == "label_list"
    assert (ask("/away").status_code, ask("/away").json()["code"]) == (502, "url_failed")
    assert "answered 404" in ask("/none").json()["error"]
    assert ask("/endless").status_code == 413
    assert "/a.png" not in Elsewhere.asked[1:], "a redirection is not followed"


def test_a_file_is_what_it_holds_whatever_it_is_called(serve: Any, photo: bytes) -> None:
    running = serve(inputs={"photo": {"type": "image", "formats": ["image/png"]}})
    ask = running.client.post

    liar = ask("/predict", files={"photo": ("a.png", b"%PDF-1.4 no picture", "image/png")})
    honest = ask("/predict", files={"photo": ("a.exe", photo, "text/html")})
    cut = ask("/predict", files={"photo": ("a.png", photo[:40], "image/png")})
    nameless = ask("/predict", files={"photo": ("../../x/\u202egnp.exe\r\nX: y", photo)})

    assert (liar.status_code, liar.json()["code"]) == (415, "wrong_format")
    assert "the model takes image/png" in liar.json()["detail"]
    assert honest.status_code == 200
    assert (cut.status_code, cut.json()["code"]) == (422, "unreadable_input")
    assert nameless.status_code == 200
    for answer in (liar, cut):
        assert str(running.service.scratch) not in answer.text


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"photo": None},
        {"photo": 3},
        {"photo": {"data": "not base64!"}},
        {"photo": {"fileurl": 3}},
        {"photo": {"value": "\ud800"}},
        {"other": {"data": ""}},
        {"photo": {"data": ""}, "more": 1},
    ],
)
def test_a_document_that_is_none_is_refused(document: Any, serve: Any) -> None:
    answer = serve().client.post(
        "/predict", content=json.dumps(document), headers={"content-type": "application/json"}
    )

    assert answer.status_code in (400, 415, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_page_elsewhere_can_neither_ask_nor_pretend_to_be_here(serve: Any, photo: bytes) -> None:
    client = serve(settings=Settings(hosts=LOCAL_HOSTS)).client
    sent = {"photo": ("a.png", photo)}

    foreign = client.post("/predict", files=sent, headers={"origin": "https://evil.example"})
    null = client.post("/predict", files=sent, headers={"origin": "null"})
    renamed = client.get("/", headers={"host": "evil.example"})
    same = client.post("/predict", files=sent, headers={"origin": str(client.base_url)})

    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_page")
    assert null.status_code == 403
    assert renamed.status_code == 421
    assert same.status_code == 200
    assert "access-control-allow-origin" not in same.headers


def test_a_page_that_may_call_is_told_so(serve: Any, photo: bytes) -> None:
    app = "https://app.example"
    client = serve(settings=Settings(origins=frozenset({app}))).client

    asked = client.options("/predict", headers={"origin": app})
    called = client.post("/predict", files={"photo": photo}, headers={"origin": app})

    assert asked.status_code == 204
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert called.headers["access-control-allow-origin"] == app


def test_files_of_answers_have_names_that_nobody_guesses_and_go_again(
    serve: Any, photo: bytes
) -> None:
    client = serve(settings=Settings(most_kept_bytes=20_000)).client
    seen = [
        client.post("/predict", files={"photo": photo}).json()["outputs"]["mask"]["url"]
        for _ in range(12)
    ]

    assert len(set(seen)) == 12
    assert all(len(url.rpartition("/")[2]) == 35 for url in seen)
    assert client.get(seen[-1]).status_code == 200
    gone = client.get(seen[0])
    assert (gone.status_code, gone.json()["code"]) == (404, "no_such_output")
