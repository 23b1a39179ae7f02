"""The platform's routes as typed methods, in the order of the API's documentation."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

import httpx2

from proctor.client.connection import API
from proctor.client.errors import ApiError, HostError
from proctor.client.files import verified
from proctor.client.hosted import Hosted
from proctor.client.transport import Params, RetryPolicy
from proctor.spec.api import (
    CaseFiles,
    CaseView,
    ChallengeSummary,
    ChallengeView,
    Event,
    Health,
    JoinRequest,
    Me,
    MemberCreate,
    Page,
    PublishRequest,
    QuotaLeft,
    ReevaluationRequest,
    Reevaluations,
    Refreshes,
    RefreshRequest,
    RerunRequest,
    SubmissionCreate,
    SubmissionView,
    TokenCreate,
    TokenCreated,
    UserCreate,
    WorkerView,
)
from proctor.spec.archive import ArchiveKind
from proctor.spec.dataset import PublicInputs, SplitData
from proctor.spec.leaderboard import BoardChanges, Leaderboard, SnapshotRef
from proctor.spec.outcomes import Code
from proctor.spec.overfitting import OverfittingReport
from proctor.spec.statistics import RankingStatistics
from proctor.spec.uploads import PART_BYTES
from proctor.spec.work import RuntimeImage

T = TypeVar("T")
CasePart = Literal["inputs", "reference", "predictions"]

_PAGE = 100
_MOST_ROWS = 1000


class Client(Hosted):
    """A platform at an address, seen with one token (or as an anonymous reader without).

    Every method raises `ApiError` when the platform refuses and `HostError` when it cannot be
    reached.

    Args:
        host: the platform's address, such as ``http://127.0.0.1:8000``.
        token: whom to speak for.
        retry: how calls that may be repeated are repeated.
        timeout_s: the longest silence on a connection.
        transport: what carries requests instead of the network.
        part_bytes: a larger file goes up in parts of so many bytes, at most 64 MiB.
    """

    def __init__(
        self,
        host: str,
        token: str | None = None,
        *,
        retry: RetryPolicy | None = None,
        timeout_s: float = 60,
        transport: httpx2.BaseTransport | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        super().__init__(
            host,
            token,
            retry=retry,
            timeout_s=timeout_s,
            transport=transport,
            part_bytes=part_bytes,
        )
        self._boards: dict[str, tuple[str, Leaderboard]] = {}

    def health(self) -> Health:
        """Tell how the platform and what it stands on are."""
        return self._parse(Health, self._wire.send("GET", "/healthz", safe=True))

    def me(self) -> Me:
        """Tell whom the token speaks for."""
        return self._get(Me, "/me")

    def workers(self) -> tuple[WorkerView, ...]:
        """List the worker processes (admins only)."""
        return self._get(tuple[WorkerView, ...], "/workers")

    def create_user(self, request: UserCreate) -> TokenCreated:
        """Invite a user (admins only); the token is shown this once."""
        return self._post(TokenCreated, "/users", request)

    def create_token(self, request: TokenCreate) -> TokenCreated:
        """Make a token for oneself, or as an admin for a user or a worker."""
        return self._post(TokenCreated, "/tokens", request)

    def revoke_token(self, token_id: str) -> None:
        """Make a token useless from now on."""
        self._wire.send("DELETE", f"{API}/tokens/{token_id}", safe=True)

    def challenges(self, offset: int = 0, limit: int = _PAGE) -> Page[ChallengeSummary]:
        """Return one page of the challenges this token may see."""
        return self._get(Page[ChallengeSummary], "/challenges", offset=offset, limit=limit)

    def challenge(self, slug: str, version: int | None = None) -> ChallengeView:
        """Return a challenge, in its newest version if none is named."""
        return self._get(ChallengeView, f"/challenges/{slug}", **_given(version=version))

    def publish(self, request: PublishRequest) -> ChallengeView:
        """Publish a version of a challenge whose files are uploaded already."""
        slug = request.challenge.slug
        # The same content twice makes one version, so that repeating is safe.
        return self._post(ChallengeView, f"/challenges/{slug}/versions", request, safe=True)

    def reevaluate(self, slug: str, phase: str | None = None) -> Reevaluations:
        """Have archived predictions scored anew by the newest version (organizers only)."""
        request = ReevaluationRequest(phase=phase)
        # What waits already is not queued again, so that repeating is safe.
        return self._post(Reevaluations, f"/challenges/{slug}/reevaluations", request, safe=True)

    def reevaluations(self, slug: str, phase: str | None = None) -> Reevaluations:
        """Tell how many of these scorings wait or failed (organizers only)."""
        path = f"/challenges/{slug}/reevaluations"
        return self._get(Reevaluations, path, **_given(phase=phase))

    def refresh(self, slug: str, phase: str | None = None, *, best: bool = False) -> Refreshes:
        """Run what is archived on the newest version's test set (organizers only)."""
        request = RefreshRequest(phase=phase, best=best)
        # What runs or has run is not queued again, so that repeating is safe.
        return self._post(Refreshes, f"/challenges/{slug}/refreshes", request, safe=True)

    def refreshes(self, slug: str, phase: str | None = None) -> Refreshes:
        """Tell how many of these runs and scorings wait or failed (organizers only)."""
        return self._get(Refreshes, f"/challenges/{slug}/refreshes", **_given(phase=phase))

    def join(self, slug: str, terms_version: str = "") -> None:
        """Accept the terms of a challenge and take part."""
        self._send_json(
            f"/challenges/{slug}/join", JoinRequest(terms_version=terms_version), safe=True
        )

    def add_member(self, slug: str, request: MemberCreate) -> None:
        """Let a user in, or make one an organizer."""
        self._send_json(f"/challenges/{slug}/members", request, safe=True)

    def quota(self, slug: str, phase: str) -> QuotaLeft:
        """Tell how many submissions to a phase one has left."""
        return self._get(QuotaLeft, f"/challenges/{slug}/phases/{phase}/quota")

    def sample(self, slug: str) -> dict[str, SplitData]:
        """Return the public sample of every task, by slug."""
        return self._get(dict[str, SplitData], f"/challenges/{slug}/sample")

    def inputs(self, slug: str, task: str) -> PublicInputs:
        """Return the cases of a task whose inputs are public."""
        return self._get(PublicInputs, f"/challenges/{slug}/tasks/{task}/inputs")

    def runtime(self, slug: str, name: str) -> RuntimeImage:
        """Return an approved runtime image of a challenge."""
        return self._get(RuntimeImage, f"/challenges/{slug}/runtimes/{name}")

    def leaderboard(
        self, slug: str, phase: str, offset: int = 0, limit: int = _PAGE, search: str = ""
    ) -> Leaderboard:
        """Return the newest snapshot; an unchanged one is not sent again."""
        path = f"/challenges/{slug}/phases/{phase}/leaderboard"
        return self._board(path, _window(offset, limit, search))

    def leaderboard_csv(self, slug: str, phase: str) -> str:
        """Return the whole newest snapshot as CSV, whatever the number of its rows."""
        board = self.leaderboard(slug, phase, limit=1)
        text = self.snapshot_csv(board.id, 0, _MOST_ROWS)
        for start in range(_MOST_ROWS, board.total_rows, _MOST_ROWS):
            text += self.snapshot_csv(board.id, start, _MOST_ROWS).partition("\n")[2]
        return text

    def leaderboards(self, slug: str, phase: str) -> list[SnapshotRef]:
        """List every snapshot of a phase."""
        return self._get(list[SnapshotRef], f"/challenges/{slug}/phases/{phase}/leaderboards")

    def snapshot(
        self, leaderboard_id: str, offset: int = 0, limit: int = _PAGE, search: str = ""
    ) -> Leaderboard:
        """Return the snapshot with this id."""
        return self._board(f"/leaderboards/{leaderboard_id}", _window(offset, limit, search))

    def changes(
        self, leaderboard_id: str, since: str | None = None, limit: int = _PAGE
    ) -> BoardChanges:
        """Tell what moved to this snapshot from ``since``, or from the one before it."""
        path = f"/leaderboards/{leaderboard_id}/changes"
        return self._get(BoardChanges, path, **_given(since=since), limit=limit)

    def private_board(
        self, leaderboard_id: str, offset: int = 0, limit: int = _PAGE
    ) -> Leaderboard:
        """Return what a snapshot becomes on the private cases, once they are open."""
        return self._board(f"/leaderboards/{leaderboard_id}/private", _window(offset, limit, ""))

    def overfitting(self, leaderboard_id: str, limit: int = _PAGE) -> OverfittingReport:
        """Tell how far a snapshot's private cases order it otherwise, once they are open."""
        return self._get(
            OverfittingReport, f"/leaderboards/{leaderboard_id}/overfitting", limit=limit
        )

    def ranking_statistics(
        self, leaderboard_id: str, column: str | None = None, *, private: bool = False
    ) -> RankingStatistics:
        """Tell how sure the ranks of the snapshot with this id are, and what they hang on.

        Args:
            leaderboard_id: the snapshot.
            column: one column, ``task/metric/label``; all that decide ranks if none.
            private: on the private cases, once they are open.
        """
        path = f"/leaderboards/{leaderboard_id}/statistics"
        return self._get(RankingStatistics, path, **_given(column=column), private=private)

    def snapshot_csv(
        self, leaderboard_id: str, offset: int = 0, limit: int = _PAGE, *, private: bool = False
    ) -> str:
        """Return a page of the snapshot with this id as CSV, its header line included."""
        path = f"{API}/leaderboards/{leaderboard_id}{'/private' if private else ''}"
        params: Params = {"format": "csv", "offset": offset, "limit": limit}
        return self._wire.send("GET", path, params=params, safe=True).text

    def archive(self, submission_id: str, kind: ArchiveKind, path: Path) -> None:
        """Write the archive of a submission to ``path``; a download that is cut goes on."""
        address = f"{API}/submissions/{submission_id}/archive?kind={kind.value}"
        etag, attempt = "", 0
        with path.open("wb") as target:
            while True:
                received = target.tell()
                same = {"If-Match": etag} if received else {}
                try:
                    with self._wire.stream(f"{address}&offset={received}", same) as incoming:
                        etag = incoming.etag
                        for chunk in incoming.chunks:
                            target.write(chunk)
                    return
                except HostError:
                    # Whoever gets further is not kept from the end by many cuts.
                    attempt = 0 if target.tell() > received else attempt + 1
                    if attempt == self._retry.attempts:
                        raise
                    self._retry.sleep(self._retry.pause_s(attempt, None))
                except ApiError as error:
                    if not received or error.problem.code is not Code.CONFLICT:
                        raise
                    target.seek(0)
                    target.truncate()

    def submit(
        self, request: SubmissionCreate, idempotency_key: str | None = None
    ) -> SubmissionView:
        """Enter a phase; the same key again returns the submission it made."""
        key = idempotency_key or secrets.token_urlsafe(18)
        response = self._send_json(
            "/submissions", request, headers={"Idempotency-Key": key}, safe=True
        )
        return self._parse(SubmissionView, response)

    def submissions(
        self,
        challenge: str | None = None,
        phase: str | None = None,
        mine: bool = True,
        offset: int = 0,
        limit: int = _PAGE,
    ) -> Page[SubmissionView]:
        """Return one page of submissions, newest first."""
        return self._get(
            Page[SubmissionView],
            "/submissions",
            **_given(challenge=challenge, phase=phase),
            mine=str(mine).lower(),
            offset=offset,
            limit=limit,
        )

    def submission(self, submission_id: str) -> SubmissionView:
        """Return a submission as it stands."""
        return self._get(SubmissionView, f"/submissions/{submission_id}")

    def cases(self, submission_id: str, run: str | None = None) -> list[CaseView]:
        """Return the per-case table of a submission: of each task's first run, or of ``run``."""
        return self._get(list[CaseView], f"/submissions/{submission_id}/cases", **_given(run=run))

    def case_files(self, submission_id: str, run: str, case: str) -> CaseFiles:
        """List the files of a case of a run, where one may look at it."""
        return self._get(CaseFiles, f"/submissions/{submission_id}/runs/{run}/cases/{case}")

    def case_file(self, submission_id: str, files: CaseFiles, part: CasePart, name: str) -> bytes:
        """Return a file of a case, verified.

        Raises:
            DownloadError: the bytes have another digest.
        """
        path = f"{API}/submissions/{submission_id}/runs/{files.run}/cases/{files.case}"
        content = self._wire.send("GET", f"{path}/{part}/{name}", safe=True).content
        return verified(content, getattr(files, part)[name].digest)

    def log(self, submission_id: str, run: str | None = None, case: str | None = None) -> str:
        """Return what the model printed, of one case or of all."""
        params = _given(run=run, case=case)
        path = f"{API}/submissions/{submission_id}/log"
        return self._wire.send("GET", path, params=params, safe=True).text

    def events(self, submission_id: str) -> list[Event]:
        """Return the history of a submission."""
        return self._get(list[Event], f"/submissions/{submission_id}/events")

    def cancel(self, submission_id: str) -> SubmissionView:
        """End a submission that is not finished."""
        return self._parse(
            SubmissionView,
            self._wire.send("POST", f"{API}/submissions/{submission_id}/cancel", safe=False),
        )

    def rerun(self, submission_id: str, request: RerunRequest | None = None) -> SubmissionView:
        """Infer anew in a new container and compare with the archived predictions."""
        path = f"/submissions/{submission_id}/reruns"
        return self._post(SubmissionView, path, request or RerunRequest())

    def wait(
        self, submission_id: str, poll_s: float = 1.0, timeout_s: float | None = None
    ) -> Iterator[SubmissionView]:
        """Yield a submission whenever it changed, until it is final.

        Raises:
            TimeoutError: it was not final after ``timeout_s``.
        """
        ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        seen = None
        while True:
            view = self.submission(submission_id)
            if view != seen:
                yield view
            if view.final:
                return
            if ends_at is not None and time.monotonic() > ends_at:
                raise TimeoutError(f"{submission_id} is {view.progress} after {timeout_s:g} s")
            seen = view
            self._retry.sleep(poll_s)

    def _board(self, path: str, params: Params) -> Leaderboard:
        key = f"{path}?{sorted(params.items())}"
        etag, board = self._boards.get(key, ("", None))
        headers = {"If-None-Match": etag} if etag else {}
        response = self._wire.send("GET", API + path, params=params, headers=headers, safe=True)
        if response.status_code == httpx2.codes.NOT_MODIFIED and board is not None:
            return board
        board = self._parse(Leaderboard, response)
        if etag := response.headers.get("ETag", ""):
            self._boards[key] = (etag, board)
        return board


def every(fetch: Callable[[int], Page[T]]) -> Iterator[T]:
    """Yield the items of all pages; ``fetch`` returns the page that starts at an offset."""
    offset = 0
    while True:
        page = fetch(offset)
        yield from page.items
        offset += len(page.items)
        if not page.items or offset >= page.total:
            return


def _given(**params: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in params.items() if value is not None}


def _window(offset: int, limit: int, search: str) -> dict[str, str | int]:
    return {"offset": offset, "limit": limit} | ({"search": search} if search else {})
