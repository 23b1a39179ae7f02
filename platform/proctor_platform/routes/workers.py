"""Workers: what a worker's token is good for, and what all of them do."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter

from proctor.spec.api import WorkerView
from proctor.spec.outcomes import Code
from proctor.spec.work import WorkerWelcome
from proctor_platform.database import Reading
from proctor_platform.identity import Admin, WorkerToken
from proctor_platform.routes.problems import problems
from proctor_platform.work.workers import list_workers

router = APIRouter(prefix="/workers", tags=["workers"], responses=problems(Code.FORBIDDEN))


@router.get("")
def read_workers(_: Admin, session: Reading) -> tuple[WorkerView, ...]:
    """List the worker processes that have asked for work: idle, busy, or silent. Admins only."""
    return tuple(list_workers(session))


@router.get("/me")
def read_worker(worker: WorkerToken) -> WorkerWelcome:
    """Say what a worker's token may be used for."""
    return WorkerWelcome(role=worker.role, version=version("proctor"))
