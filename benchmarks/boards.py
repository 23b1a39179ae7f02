"""Pages of a large leaderboard over bare responses, and a new score's way to a new snapshot.

One submission is run for real; its rows are then copied 9,999 times with other scores, in the
database of the running platform.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx2
import numpy as np
from benchmarks import workload
from benchmarks.report import Figure
from benchmarks.stack import measured_stack, new_token
from sqlalchemy import Engine, Table, create_engine, insert, select

from proctor.cli.contents import open_model
from proctor.cli.services.endpoints import free_port
from proctor.client import Client
from proctor.spec.api import SubmissionCreate
from proctor.spec.identifiers import Kind, new_id
from proctor_platform.score_tables import AggregateScore, Score
from proctor_platform.tables import CaseResult, Evaluation, Run, SQLModel, Submission, User

_ROWS = 10_000
_PAGE = 100
_REQUESTS = 300
_DRAWS = 1000


def measure() -> list[Figure]:
    """Measure on a platform of its own."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as scratch, measured_stack() as stack:
        folder = Path(scratch)
        challenge = workload.write_challenge(folder / "challenge")
        workload.publish(stack.api, new_token(stack, "organizer"), challenge)
        client = Client(stack.api, new_token(stack, "participant"))
        client.join("bench")
        quick = workload.write_model(folder / "quick", workload.QUICK)
        with open_model(str(quick), None, lambda _line: None) as entry:
            client.upload(entry.blobs)
            request = SubmissionCreate(
                challenge="bench", phase="main", content=entry.content, card=entry.card
            )
            first = workload.finished(client, client.submit(request))
            database = create_engine(f"sqlite:///{stack.admin_token_file.parent}/proctor.sqlite3")
            copy_submission(database, first.id, _ROWS - 1)
            last = workload.finished(client, client.submit(request))
        scored = next(e.at for e in client.events(last.id) if e.name == "evaluation_scored")
        board = wait_for_rows(client, _ROWS)
        page_s, bare_s = page_times(stack.api)
        client.close()
    return [
        Figure(
            "bare response / page of 100 rows of 10,000",
            bare_s / page_s,
            "at least 0.5",
            f"{bare_s * 1e3:.2f} ms / {page_s * 1e3:.2f} ms, medians of {_REQUESTS}",
        ),
        Figure(
            "new score to new snapshot of 10,000 rows (s)",
            (board - scored).total_seconds(),
            "reported",
            "by the platform's own events",
        ),
    ]


def copy_submission(database: Engine, submission_id: str, copies: int) -> None:
    """Copy a submission and all that hangs on it, each for a new user and with other scores."""
    generator = np.random.default_rng(0)
    with database.begin() as session:

        def rows(of: type[SQLModel], column: str, value: str) -> list[dict[str, object]]:
            table = table_of(of)
            found = session.execute(select(table).where(table.c[column] == value))
            return [dict(row) for row in found.mappings()]

        (submission,) = rows(Submission, "id", submission_id)
        (run,) = rows(Run, "submission_id", submission_id)
        cases = rows(CaseResult, "run_id", str(run["id"]))
        (evaluation,) = rows(Evaluation, "run_id", str(run["id"]))
        scores = rows(Score, "evaluation_id", str(evaluation["id"]))
        aggregates = rows(AggregateScore, "evaluation_id", str(evaluation["id"]))
        tables = (User, Submission, Run, CaseResult, Evaluation, Score, AggregateScore)
        made: dict[type[SQLModel], list[dict[str, object]]] = {table: [] for table in tables}
        for number in range(copies):
            user, entered = new_id(Kind.USER), new_id(Kind.SUBMISSION)
            ran, judged = new_id(Kind.RUN), new_id(Kind.EVALUATION)
            score = float(generator.random())
            draws = np.clip(score + generator.normal(0, 0.03, _DRAWS), 0, 1).astype("<f8")
            made[User].append({"id": user, "name": f"u{number}", "admin": False})
            made[Submission].append(
                submission | {"id": entered, "user_id": user, "idempotency_key": None}
            )
            made[Run].append(run | {"id": ran, "submission_id": entered, "requested_by": user})
            made[CaseResult] += [case | {"run_id": ran} for case in cases]
            made[Evaluation].append(evaluation | {"id": judged, "run_id": ran})
            made[Score] += [row | {"evaluation_id": judged, "value": score} for row in scores]
            made[AggregateScore] += [
                row | {"evaluation_id": judged, "value": score, "replicates": draws.tobytes()}
                for row in aggregates
            ]
        for of, new in made.items():
            session.execute(insert(table_of(of)), new)


def table_of(of: type[SQLModel]) -> Table:
    """Return the table of a class."""
    return SQLModel.metadata.tables[str(of.__tablename__)]


def wait_for_rows(client: Client, rows: int) -> datetime:
    """Return when the first snapshot with so many rows was made."""
    while (board := client.leaderboard("bench", "main", limit=1)).total_rows < rows:
        time.sleep(0.2)
    return board.created_at


def page_times(api: str) -> tuple[float, float]:
    """Return median seconds of a page and of a bare response of its length, asked in turn."""
    path = "/api/v1/challenges/bench/phases/main/leaderboard"
    pages, bares = [], []
    with httpx2.Client(base_url=api) as platform:
        length = len(platform.get(path, params={"limit": _PAGE}).content)
        with bare_server(length) as address, httpx2.Client(base_url=address) as bare:
            for number in range(_REQUESTS):
                offset = number * _PAGE % _ROWS
                began = time.perf_counter()
                platform.get(path, params={"limit": _PAGE, "offset": offset}).raise_for_status()
                pages.append(time.perf_counter() - began)
                began = time.perf_counter()
                bare.get("/").raise_for_status()
                bares.append(time.perf_counter() - began)
    return statistics.median(pages), statistics.median(bares)


@contextmanager
def bare_server(length: int) -> Iterator[str]:
    """Serve so many bytes by FastAPI on the same server program, and nothing else."""
    program = (
        "import uvicorn\nfrom fastapi import FastAPI, Response\napp = FastAPI()\n"
        f"body = b'x' * {length}\n"
        "@app.get('/')\ndef read():\n    return Response(body, media_type='application/json')\n"
    )
    port = free_port(8400)
    serve = f"{program}uvicorn.run(app, port={port}, log_level='warning')\n"
    process = subprocess.Popen([sys.executable, "-c", serve])
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                httpx2.get(address)
                break
            except httpx2.ConnectError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()
