"""Model folders from a repository at a commit, over file and http."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from proctor.cli.failures import CommandError
from proctor.cli.sources.git import open_git_folder, parse_git_reference
from proctor.spec.digests import read_folder

HOSTS = ("file://", "github.com")
NETWORK = {"PATH": os.environ["PATH"]}
MOST_BYTES = 1 << 20
PERSON = {
    **NETWORK,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": f"ada{'@example.org' if what == 'EMAIL' else ''}"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


class Repository:
    """A repository on this machine and its commits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, given: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=PERSON, input=given, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(self, **files: str | bytes) -> str:
        """Write files (``__`` is a slash, ``_`` before the ending a dot) and commit all."""
        for name, content in files.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def commit_tree(self, *lines: str) -> str:
        """Commit a tree of which every entry is written as `git mktree` takes it."""
        tree = self.git("mktree", "--missing", given="\n".join(lines).encode() + b"\n")
        commit = self.git("commit-tree", tree, "-m", "made")
        self.git("update-ref", "refs/heads/made", commit)
        return commit


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@contextmanager
def fetched(text: str, hosts: tuple[str, ...] = HOSTS, most_bytes: int = MOST_BYTES) -> Any:
    with open_git_folder(text, hosts, most_bytes, NETWORK, lambda _: None) as folder:
        yield folder


def refusal(text: str, **options: Any) -> CommandError:
    with pytest.raises(CommandError) as caught, fetched(text, **options):
        pass
    assert caught.value.hint
    return caught.value


def test_a_folder_at_a_commit_is_what_was_committed(repository: Repository) -> None:
    first = repository.commit(models__svc__model="one", README="all of it")
    (repository.folder / "models/svc/model").chmod(0o755)
    second = repository.commit(models__svc__deep__er="two\r\n", models__other="not mine")
    repository.commit(models__svc__model="later")
    url = f"file://{repository.folder}"
    with fetched(f"git+{url}@{second}#models/svc") as folder:
        found = {e.path: (e.executable, e.file.size) for e in read_folder(folder.path)}
        assert found == {"model": (True, 3), "deep/er": (False, 5)}
        assert (folder.path / "deep/er").read_bytes() == b"two\r\n"
        assert folder.source.model_dump(mode="json") == {
            "kind": "git",
            "url": url,
            "revision": second,
            "folder": "models/svc",
        }
    with fetched(f"git+{url}@{first}") as folder:
        assert [e.path for e in read_folder(folder.path)] == ["README", "models/svc/model"]


@pytest.fixture(params=["smart", "dumb"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Serve ``tmp_path`` over http: by git's own program, or as mere files."""

    class Smart(BaseHTTPRequestHandler):
        def serve(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("Content-Length", 0))
            done = subprocess.run(
                ["git", "http-backend"],
                env={
                    **PERSON,
                    "GIT_PROJECT_ROOT": str(tmp_path),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(length),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                },
                input=self.rfile.read(length),
                capture_output=True,
                check=True,
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(lines.pop("Status", "200 OK").split()[0]))
            for name, value in lines.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = serve

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Dumb(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Smart if request.param == "smart" else Dumb)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_repository_is_fetched_over_http(repository: Repository, served: str) -> None:
    commit = repository.commit(model="over http")
    repository.commit(model="later")
    repository.git("update-server-info")
    address = f"git+http://{served}/repository/.git@{commit}"
    with fetched(address, hosts=(served,)) as folder:
        assert (folder.path / "model").read_text() == "over http"
        assert folder.source.url == f"http://{served}/repository/.git"
    assert "does not take repositories of" in refusal(address, hosts=("github.com",)).message


def test_a_branch_or_a_tag_is_refused_with_the_commit_it_points_to(repository: Repository) -> None:
    commit = repository.commit(model="x")
    repository.git("tag", "-a", "v1", "-m", "annotated")
    url = f"git+file://{repository.folder}"
    for name in ("main", "v1", "refs/heads/main"):
        refused = refusal(f"{url}@{name}#sub")
        assert f"{name} can move" in refused.message
        assert f"{url}@{commit}#sub" in refused.hint
    assert "no branch or tag nothing" in refusal(f"{url}@nothing").message
    short = refusal(f"{url}@{commit[:12]}")
    assert "git rev-parse" in short.hint


def test_what_a_folder_may_not_hold_is_named(repository: Repository) -> None:
    repository.commit(model="x", sub__file="y")
    blob = repository.git("hash-object", "-w", "--stdin", given=b"content")
    tree = repository.git("rev-parse", "HEAD^{tree}")
    url = f"git+file://{repository.folder}"
    pointer = repository.git(
        "hash-object",
        "-w",
        "--stdin",
        given=b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n",
    )
    for lines, said in [
        ((f"120000 blob {blob}\tlink",), "link is a link"),
        ((f"160000 commit {'1' * 40}\tmodule",), "module is a submodule"),
        ((f"100644 blob {pointer}\tweights.bin",), "kept in Git LFS"),
        ((f"100644 blob {blob}\ta\\b",), "not a plain relative path"),
        ((f"100644 blob {blob}\t{'n' * 300}",), "not a plain relative path"),
        ((f"100644 blob {blob}\t.hidden", f"040000 tree {tree}\t.github"), "the folder is empty"),
    ]:
        commit = repository.commit_tree(*lines)
        assert said in refusal(f"{url}@{commit}").message


def test_paths_that_leave_the_folder_are_refused(repository: Repository) -> None:
    """Git itself would not write such trees, so they are made byte by byte."""
    repository.commit(model="x")
    blob = bytes.fromhex(repository.git("hash-object", "-w", "--stdin", given=b"content"))
    url = f"git+file://{repository.folder}"
    for name, said in [
        (b"..", "the folder is empty"),
        (b"../evil", "the folder is empty"),
        (b"a/../evil", "the folder is empty"),
        (b".git", "the folder is empty"),
        (b"/etc/evil", "not a plain relative path"),
        (b"a//b", "not a plain relative path"),
    ]:
        tree = repository.git(
            *("hash-object", "-w", "-t", "tree", "--literally", "--stdin"),
            given=b"100644 " + name + b"\0" + blob,
        )
        commit = repository.git("commit-tree", tree, "-m", "made")
        repository.git("update-ref", "refs/heads/made", commit)
        assert said in refusal(f"{url}@{commit}").message


def test_a_repository_of_someone_else_decides_nothing_here(
    repository: Repository,
) -> None:
    """Its attributes would change or leave out files at a checkout."""
    commit = repository.commit(
        **{".gitattributes": "* filter=evil text eol=crlf export-ignore ident\n"},
        model="$Id$\n",
    )
    with fetched(f"git+file://{repository.folder}@{commit}") as folder:
        assert (folder.path / "model").read_bytes() == b"$Id$\n"
        assert sorted(path.name for path in folder.path.iterdir()) == ["model"]


def test_too_large_a_folder_is_refused_before_it_is_written(repository: Repository) -> None:
    commit = repository.commit(zeros=bytes(2 << 20))
    refused = refusal(f"git+file://{repository.folder}@{commit}")
    assert "2097152 bytes; at most 1048576" in refused.message


def test_a_fetch_that_takes_too_much_room_is_ended(repository: Repository) -> None:
    commit = repository.commit(noise=os.urandom(3 << 20), model="x")
    refused = refusal(f"git+file://{repository.folder}@{commit}", most_bytes=1 << 10)
    assert "at most 1024" in refused.message or "larger than" in refused.message


def test_trees_that_list_without_end_are_ended(repository: Repository) -> None:
    commit = repository.commit(model="x")
    tree = repository.git("rev-parse", f"{commit}:")
    for _ in range(7):
        lines = "\n".join(f"040000 tree {tree}\tone-of-ten-folders-{n}" for n in range(10))
        tree = repository.git("mktree", given=lines.encode() + b"\n")
    bomb = repository.git("commit-tree", tree, "-m", "made")
    repository.git("update-ref", "refs/heads/made", bomb)
    assert "says more" in refusal(f"git+file://{repository.folder}@{bomb}").message


def test_what_is_not_there_is_said(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit(model="x")
    url = f"git+file://{repository.folder}"
    assert "no commit" in refusal(f"{url}@{'0' * 40}").message
    assert "no folder 'nowhere'" in refusal(f"{url}@{commit}#nowhere").message
    tree = repository.git("rev-parse", "HEAD^{tree}")
    assert refusal(f"{url}@{tree}").message
    assert refusal(f"git+file://{tmp_path}/none@{commit}").message


@pytest.mark.parametrize(
    "text",
    [
        "git+https://github.com/ada/svc",
        "git+https://github.com/ada/svc@",
        "git+https://github.com/ada/svc@-u./evil",
        "git+https://github.com/ada/svc@--upload-pack=evil",
        "git+https://github.com/ada/svc@a..b",
        "git+https://ada:secret@github.com/ada/svc@main",
        "git+https://github.com/ada/svc?x=1@main",
        "git+https://github.com/-o/../svc x@main",
        "git+https://github.com/ada/svc@main#../../etc",
        "git+https://github.com/ada/svc@main#a/../b",
        "git+http://github.com/ada/svc@main",
        "git+ext::sh -c evil@main",
        "git+ssh://git@github.com/ada/svc@main",
        "git+git://github.com/ada/svc@main",
        "git+https://[::1/ada/svc@main",
        "git+",
    ],
)
def test_what_names_no_commit_of_a_repository_is_wrong_usage(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_git_reference(text, HOSTS)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "host", ["github.com.evil.org", "github.com:8443", "localhost", "GITHUB.COM."]
)
def test_only_listed_hosts_are_asked(host: str) -> None:
    with pytest.raises(CommandError, match="does not take repositories"):
        parse_git_reference(f"git+https://{host}/ada/svc@{'0' * 40}", HOSTS)
    assert parse_git_reference(f"git+https://GitHub.com/ada/svc@{'0' * 40}", HOSTS)
