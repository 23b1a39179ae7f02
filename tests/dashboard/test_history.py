"""What moved between two snapshots, as a reader sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

from proctor.spec.leaderboard import BoardChanges, BoardMove, SnapshotRef
from proctor_dashboard.views.history import changes_html

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def changes(*moves: BoardMove, moved: int = 0, new: int = 0, gone: int = 0) -> BoardChanges:
    before, after = (
        SnapshotRef(id=f"lea_{number}", number=number, created_at=NOON) for number in (1, 2)
    )
    return BoardChanges(
        before=before, after=after, moved_rows=moved, new_rows=new, gone_rows=gone, moves=moves
    )


def move(before: int | None, now: int | None, title: str = "A model") -> BoardMove:
    return BoardMove(
        participant="ada", title=title, submission="sub_0", baseline=False, before=before, now=now
    )


class Text(HTMLParser):
    """Collects tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_moves_say_their_direction_and_width() -> None:
    table = changes(move(None, 1), move(12, 3), move(1, 2), move(4, None), moved=2, new=1, gone=1)
    words = Text(changes_html(table)).words
    assert "2 rows changed rank, 1 came, 1 went." in words
    assert {"new", "▲ 9", "▼ 1", "gone"} <= set(words)


def test_more_moves_than_are_shown_are_counted() -> None:
    shown = " ".join(Text(changes_html(changes(move(2, 1), moved=9_000))).words)
    assert "9,000 rows changed rank" in shown
    assert "The 1 largest moves" in shown


def test_nothing_moved_is_said() -> None:
    assert "No rank has changed" in changes_html(changes())


def test_a_strangers_title_does_not_become_markup() -> None:
    hostile = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    tags = Text(changes_html(changes(move(2, 1, hostile), moved=1))).tags
    assert "img" not in tags
    assert "script" not in tags
