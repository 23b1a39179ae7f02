import subprocess
import sys
from pathlib import Path

import pytest

from proctor import Client
from proctor.client.api import every
from proctor.client.transport import RetryPolicy


@pytest.fixture
def client(platform):
    with Client(platform.url, retry=RetryPolicy(sleep=lambda _: None)) as made:
        yield made


def test_waiting_shows_every_change_once_and_ends_with_the_final_state(
    platform, client, submission_view
):
    running = submission_view(progress="running", final=False)
    platform.on(
        "GET /submissions/sub_1",
        (200, submission_view(progress="queued", final=False)),
        (200, running),
        (200, running),
        (200, submission_view(progress="scored", final=True)),
    )
    assert [view.progress for view in client.wait("sub_1")] == ["queued", "running", "scored"]


def test_waiting_ends_after_its_time(platform, client, submission_view):
    platform.on("GET /submissions/sub_1", (200, submission_view(progress="queued", final=False)))
    with pytest.raises(TimeoutError, match="sub_1 is queued after 0 s"):
        list(client.wait("sub_1", timeout_s=0))


def test_an_unchanged_leaderboard_is_not_sent_again(platform, client, board):
    def reply(call):
        if call.headers.get("If-None-Match") == '"7"':
            return 304, ("", {"ETag": '"7"'})
        return 200, (board, {"ETag": '"7"'})

    platform.on("GET /challenges/digits/phases/main/leaderboard", reply)
    first = client.leaderboard("digits", "main")
    assert client.leaderboard("digits", "main") == first
    assert "If-None-Match" in platform.calls[1].headers


def test_a_leaderboard_as_csv_has_the_rows_of_all_pages(platform, client, board):
    def page(call):
        first = int(call.query.partition("offset=")[2].partition("&")[0])
        rows = "".join(f"{rank + 1}\n" for rank in range(first, min(first + 1000, 2300)))
        return 200, f"rank\n{rows}"

    found = {**board, "total_rows": 2300}
    platform.on("GET /challenges/digits/phases/main/leaderboard", (200, found))
    platform.on(f"GET /leaderboards/{board['id']}", page)
    lines = client.leaderboard_csv("digits", "main").splitlines()
    assert lines == ["rank", *map(str, range(1, 2301))]


def test_every_page_of_a_list_is_read(platform, client):
    def reply(call):
        offset = int(call.query.partition("offset=")[2].partition("&")[0])
        items = [
            {
                "slug": f"c{number}",
                "title": "C",
                "summary": "",
                "version": 1,
                "phases": ["main"],
                "open_phases": [],
                "submissions": 0,
            }
            for number in range(offset, min(offset + 2, 5))
        ]
        return 200, {"items": items, "offset": offset, "total": 5}

    platform.on("GET /challenges", reply)
    assert [entry.slug for entry in every(client.challenges)] == ["c0", "c1", "c2", "c3", "c4"]


def test_importing_proctor_loads_no_library():
    code = "import proctor, sys; print({'httpx2', 'pydantic', 'typer'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_proctor_does_not_have_is_an_attribute_error():
    import proctor

    with pytest.raises(AttributeError, match="nothing_like_this"):
        proctor.nothing_like_this  # noqa: B018
    assert Path(proctor.__file__).name == "__init__.py"
