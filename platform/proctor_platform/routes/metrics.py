"""What a monitoring system asks for, in the form of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.database import Reading
from proctor_platform.gauges import gauges
from proctor_platform.identity import UserIdentity, optional_user
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of
from proctor_platform.telemetry import Telemetry

router = APIRouter(tags=["health"])


class _Ready(Collector):
    """Families that were collected already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Give them."""
        return iter(self._families)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."},
        **problems(Code.UNAUTHENTICATED, Code.FORBIDDEN),
    },
)
def read_metrics(
    request: Request,
    session: Reading,
    settings: Annotated[PlatformSettings, Depends(settings_of)],
    asker: Annotated[UserIdentity | None, Depends(optional_user)],
) -> Response:
    """Say how much waits and how requests were answered; for admins, unless it is made public."""
    if not settings.metrics_public:
        if asker is None:
            raise ProctorError(Code.UNAUTHENTICATED)
        if not asker.admin:
            raise ProctorError(Code.FORBIDDEN, "Only an admin of the platform may read this.")
    telemetry: Telemetry = request.app.state.telemetry
    present = CollectorRegistry(auto_describe=False)
    present.register(_Ready(list(gauges(session))))
    text = generate_latest(telemetry.registry) + generate_latest(present)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
