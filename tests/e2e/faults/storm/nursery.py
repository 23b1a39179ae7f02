"""Forks platforms and workers from one process that has everything loaded.

A line of JSON on standard input asks for one: what it is, its environment and its log, and how it
is to be different from a real one. Its process id is the answer. All of them die with this process,
and this one ends with its standard input.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from storm import models, mutations

import proctor_platform.__main__
import proctor_runner.worker
from proctor_platform.app import create_app
from proctor_platform.settings import PlatformSettings
from proctor_runner.score_work import prepare

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Fork what is asked for until nobody can ask any more."""
    _load()
    signal.signal(signal.SIGCHLD, _reap)
    print("ready", flush=True)
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _live(json.loads(line))
        print(child, flush=True)


def _load() -> None:
    """Do once what each would do at its start, since they are killed all the time."""
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(PlatformSettings(home=Path(folder)), rounds=False)
        app.openapi()
        app.state.database.close()
    gc.collect()
    gc.freeze()


def _live(asked: dict[str, Any]) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.setsid()
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(asked["environment"])
        _shift_clock(asked["skew_s"])
        if asked["mutation"]:
            getattr(mutations, asked["mutation"])()
        if asked["models"]:
            models.start_here(Path(asked["models"]))
        if asked["what"] == "platform":
            proctor_platform.__main__.main()
            status = 0
        else:
            status = proctor_runner.worker.main()
    finally:
        os._exit(status)


def _shift_clock(skew_s: float) -> None:
    real = time.time
    time.time = lambda: real() + skew_s


def _reap(_number: int, _frame: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
