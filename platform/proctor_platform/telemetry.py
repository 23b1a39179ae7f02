"""What one process of the platform counts of itself: requests by route, status and time.

Routes are told by their template, never by their path, so no id and no name is ever a label.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

_OTHER = "other"
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Telemetry:
    """The counters of one application; two in one process share nothing."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        labels = ("method", "route")
        self._requests = Counter(
            "proctor_requests",
            "Answers by route template and status; a claim without work is a 204.",
            (*labels, "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "proctor_request_seconds",
            "Time to the end of an answer.",
            labels,
            buckets=_BUCKETS_S,
            registry=self.registry,
        )

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answered request."""
        # A stranger may invent methods and paths; labels must not grow with them.
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        route = getattr(scope.get("route"), "path", _OTHER)
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
