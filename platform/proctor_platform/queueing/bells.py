"""Bells: RQ jobs that wake a worker and say nothing but an id.

RQ is a wake-up bell and never the truth: a lost job is rung again, a job too many finds nothing
to claim. So there is no retry, no dependency, no result, and JSON instead of pickle.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue as RqQueue
from rq.serializers import JSONSerializer

from proctor.spec.work import Queue

FUNCTION = "proctor_runner.jobs.execute"

_SOCKET_TIMEOUT_S = 5
_BELL_TTL_S = 600
_RESULT_TTL_S = 60
_FAILURE_TTL_S = 600
_LONGER_THAN_ANY_RUN_S = 14 * 86_400  # a run's own limits end it; RQ's alarm must never


class Bell(NamedTuple):
    """One worker of ``queue`` is to be woken for ``work``."""

    queue: Queue
    work: str


class BellsError(Exception):
    """The queue cannot be reached at the moment."""


class Bells(Protocol):
    """Where workers listen."""

    def ring(self, bells: Iterable[Bell]) -> None:
        """Wake one worker for each bell."""

    def waiting(self, queue: Queue) -> int:
        """Return how many bells nobody has heard yet."""

    def close(self) -> None:
        """Let go of every connection."""


class NoBells:
    """Without Redis: workers ask for work by themselves, and every bell counts as heard."""

    def ring(self, bells: Iterable[Bell]) -> None:
        """Do nothing."""

    def waiting(self, queue: Queue) -> int:
        """Return 0."""
        return 0

    def close(self) -> None:
        """Do nothing."""


class RedisBells:
    """RQ's queues on one Redis. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=_SOCKET_TIMEOUT_S, socket_connect_timeout=_SOCKET_TIMEOUT_S
        )
        self._queues = {
            queue: RqQueue(queue.value, connection=self._redis, serializer=JSONSerializer)
            for queue in Queue
        }

    def ring(self, bells: Iterable[Bell]) -> None:
        """Wake one worker for each bell.

        Raises:
            BellsError: Redis does not answer; some may have been woken.
        """
        try:
            for bell in bells:
                self._queues[bell.queue].enqueue_call(
                    FUNCTION,
                    args=(bell.work,),
                    timeout=_LONGER_THAN_ANY_RUN_S,
                    ttl=_BELL_TTL_S,
                    result_ttl=_RESULT_TTL_S,
                    failure_ttl=_FAILURE_TTL_S,
                )
        except RedisError as error:
            raise BellsError(str(error)) from error

    def waiting(self, queue: Queue) -> int:
        """Return how many bells nobody has heard yet.

        Raises:
            BellsError: Redis does not answer.
        """
        try:
            return self._queues[queue].count
        except RedisError as error:
            raise BellsError(str(error)) from error

    def close(self) -> None:
        """Close every connection."""
        self._redis.close()
