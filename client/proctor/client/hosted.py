"""Models that a platform hosts, as typed methods."""

from __future__ import annotations

from typing import TypeVar

from proctor.client.connection import API
from proctor.client.registry import Registry
from proctor.spec.hosting import DeploymentCreate, DeploymentView, VersionSwap, VisitView

T = TypeVar("T")


class Hosted(Registry):
    """The part of a client that deploys models; asking them is what their own addresses are for."""

    def deployments(self, model_id: str | None = None) -> tuple[DeploymentView, ...]:
        """List deployed models in sight, the newest first; those that have or had a version."""
        wanted = {} if model_id is None else {"submission": model_id}
        return self._get(tuple[DeploymentView, ...], "/deployments", **wanted)

    def deployment(self, deployment_id: str) -> DeploymentView:
        """Return one deployment."""
        return self._get(DeploymentView, f"/deployments/{deployment_id}")

    def deploy(self, model_id: str) -> DeploymentView:
        """Have a model kept running at an address of its own."""
        return self._post(DeploymentView, "/deployments", DeploymentCreate(submission=model_id))

    def swap_version(self, deployment_id: str, model_id: str) -> DeploymentView:
        """Put another version behind an address."""
        request = VersionSwap(submission=model_id)
        return self._post(DeploymentView, f"/deployments/{deployment_id}/swap", request)

    def stop_deployment(self, deployment_id: str) -> DeploymentView:
        """Stop a deployed model."""
        return self._do(DeploymentView, f"/deployments/{deployment_id}/stop", safe=True)

    def start_deployment(self, deployment_id: str) -> DeploymentView:
        """Start a deployed model again."""
        return self._do(DeploymentView, f"/deployments/{deployment_id}/start", safe=True)

    def visit(self, deployment_id: str) -> VisitView:
        """Make an address at which a browser may ask a model for a while."""
        return self._do(VisitView, f"/deployments/{deployment_id}/visits", safe=False)

    def _do(self, kind: type[T], path: str, *, safe: bool) -> T:
        return self._parse(kind, self._wire.send("POST", API + path, safe=safe))
