"""How often somebody may ask, over moving windows: by user with a valid token, else by address.

By user and not by token, for a user makes as many tokens as they like. Workers are not counted:
what they ask is bounded by their leases, and they must not wait behind anybody. A wrong token
counts against its address, and after too many the address hears when to come back instead of
"wrong"; right tokens are served from there all the same, since everybody behind one proxy has one
address, and no number of guesses finds 256 random bits.

Counts are this process's own; several platforms may keep them together in Redis, and while it does
not answer each counts for itself.
"""

from __future__ import annotations

import ipaddress
import math
import time
from enum import StrEnum

import structlog
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool
from starlette.requests import HTTPConnection

from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.settings import PlatformSettings

_log = structlog.get_logger(__name__)

_SOCKET_TIMEOUT_S = 0.5
_REDIS_PAUSE_S = 10.0
_NETWORK_BITS = 64  # of an IPv6 address; the rest is one subscriber's to choose


class Act(StrEnum):
    """What is counted by itself."""

    REQUEST = "request"
    WRONG_TOKEN = "wrong_token"
    SUBMISSION = "submission"
    UPLOAD = "upload"
    TOKEN = "token"
    DEPLOYMENT = "deployment"
    QUESTION = "question"


class LaterError(ProctorError):
    """What was asked is possible again after ``retry_after_s``."""

    def __init__(self, why: str, retry_after_s: int) -> None:
        super().__init__(Code.RATE_LIMITED, f"{why}; try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class TooOftenError(LaterError):
    """Somebody asked more often than they may."""

    def __init__(self, limit: RateLimitItem, what: Act, retry_after_s: int) -> None:
        super().__init__(f"At most {limit} ({what.value.replace('_', ' ')})", retry_after_s)


class Rates:
    """The counts of one platform. Safe to use from several threads."""

    def __init__(self, settings: PlatformSettings) -> None:
        texts = {
            Act.REQUEST: settings.rate_requests,
            Act.WRONG_TOKEN: settings.rate_wrong_tokens,
            Act.SUBMISSION: settings.rate_submissions,
            Act.UPLOAD: settings.rate_uploads,
            Act.TOKEN: settings.rate_tokens,
            Act.DEPLOYMENT: settings.rate_deployments,
            Act.QUESTION: settings.rate_questions,
        }
        self._limits = {act: parse(text) for act, text in texts.items() if text}
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared: MovingWindowRateLimiter | None = None
        self._shared_from = 0.0
        if settings.rates_in_redis and settings.redis_url:
            self._shared = MovingWindowRateLimiter(_redis(settings.redis_url))

    def count(self, act: Act, whose: str) -> None:
        """Count one act of a user or an address.

        Raises:
            TooOftenError: there were as many as are allowed already; this one is not counted.
        """
        limit = self._limits.get(act)
        if limit is None:
            return
        limiter = self._shared
        if limiter is not None and time.monotonic() >= self._shared_from:
            try:
                self._count(limiter, limit, act, whose)
            except StorageError as error:
                self._shared_from = time.monotonic() + _REDIS_PAUSE_S
                _log.warning("rates_not_shared", reason=str(error.storage_error))
            else:
                return
        self._count(self._own, limit, act, whose)

    def _count(
        self, limiter: MovingWindowRateLimiter, limit: RateLimitItem, act: Act, whose: str
    ) -> None:
        if not limiter.hit(limit, act.value, whose):
            left_s = limiter.get_window_stats(limit, act.value, whose).reset_time - time.time()
            raise TooOftenError(limit, act, max(1, math.ceil(left_s)))


def address_of(connection: HTTPConnection) -> str:
    """Return what stands for the asker without a token: the address, of IPv6 its network."""
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))


def rates_of(connection: HTTPConnection) -> Rates:
    """Return the application's counts."""
    rates: Rates = connection.app.state.rates
    return rates


def _redis(url: str) -> RedisStorage:
    pool = ConnectionPool.from_url(
        url, socket_timeout=_SOCKET_TIMEOUT_S, socket_connect_timeout=_SOCKET_TIMEOUT_S
    )
    return RedisStorage(url, pool, key_prefix="proctor-rates", wrap_exceptions=True)
