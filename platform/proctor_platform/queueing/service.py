"""What runs beside the API in every process: dispatcher, reconciler, sealer, a sweep."""

from __future__ import annotations

import structlog

from proctor_platform.database import Database
from proctor_platform.hosting.upkeep import keep_up
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.queueing.bells import Bells, NoBells, RedisBells
from proctor_platform.queueing.dispatcher import Dispatcher
from proctor_platform.queueing.reconciler import Reconciler
from proctor_platform.queueing.rounds import Rounds
from proctor_platform.queueing.sealer import Sealer
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import Store

_log = structlog.get_logger(__name__)

_UPLOADS_S = 3600.0
_HOSTED_S = 5.0


class Background:
    """Dispatcher and reconciler of one process, woken by every commit that leaves them work.

    Beside them it seals the history, and looks at once, and every hour, for uploads that nobody
    goes on with.
    """

    def __init__(self, database: Database, settings: PlatformSettings, store: Store) -> None:
        self._database = database
        bells: Bells = RedisBells(settings.redis_url) if settings.redis_url else NoBells()
        self.bells = bells
        self.dispatcher = Dispatcher(database, bells, make_board)
        self.reconciler = Reconciler(
            database, max_attempts=settings.max_attempts, period_s=settings.reconcile_s
        )
        self.hosted = Rounds(
            "hosted", lambda: keep_up(database, settings), min(settings.reconcile_s, _HOSTED_S)
        )
        self.sealer = Sealer(database)
        self.uploads = Rounds("uploads", lambda: _drop(store), _UPLOADS_S)

    def start(self) -> None:
        """Begin; the first round is at once."""
        self._database.kick = self.dispatcher.kick
        self.dispatcher.start()
        self.reconciler.start()
        self.hosted.start()
        self.sealer.start()
        self.uploads.start()

    def stop(self) -> None:
        """End after the rounds in progress."""
        self._database.kick = _nobody
        self.uploads.stop()
        self.sealer.stop()
        self.hosted.stop()
        self.reconciler.stop()
        self.dispatcher.stop()
        self.bells.close()


def _drop(store: Store) -> None:
    if dropped := store.drop_broken_off() + store.unfinished.drop_stale():
        _log.info("uploads_dropped", uploads=dropped)


def _nobody() -> None:
    """Be told instead of a dispatcher that has stopped."""
