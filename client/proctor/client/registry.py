"""The registry of models, as typed methods."""

from __future__ import annotations

from collections.abc import Mapping

from proctor.client.connection import API
from proctor.client.files import Files
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.card.package_licenses import LicenseReport
from proctor.spec.registry import (
    CitationFormat,
    Filter,
    ModelFile,
    ModelList,
    ModelOrder,
    ModelView,
)
from proctor.spec.registry.differences import ModelDifferences
from proctor.spec.registry.reviews import (
    DoiGiven,
    ReviewCreate,
    ReviewQueue,
    ReviewView,
    WithdrawalCreate,
)
from proctor.spec.registry.similar import Similar

_PAGE = 50


class Registry(Files):
    """The part of a client that finds models and looks at them."""

    def models(
        self,
        search: str = "",
        filters: Mapping[Filter, str] | None = None,
        *,
        column: str | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
        order: ModelOrder = ModelOrder.NEWEST,
        versions: bool = False,
        offset: int = 0,
        limit: int = _PAGE,
    ) -> ModelList:
        """Return one page of the public models.

        Args:
            search: words that must all be there.
            filters: values that must all be had.
            column: of a challenge, ``task/metric/label``; the first that decides ranks if none.
            at_least: the lowest score of a challenge.
            at_most: the highest score of a challenge.
            order: the newest first, by title, or the best score of a challenge first.
            versions: every version, not the newest alone.
            offset: models to leave out.
            limit: the most models to return.
        """
        wanted = {
            "search": search or None,
            **{which.value: value for which, value in (filters or {}).items()},
            "column": column,
            "at_least": None if at_least is None else repr(at_least),
            "at_most": None if at_most is None else repr(at_most),
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        return self._get(
            ModelList,
            "/models",
            **given,
            order=order.value,
            versions=str(versions).lower(),
            offset=offset,
            limit=limit,
        )

    def model(self, model_id: str) -> ModelView:
        """Return the page of a model, by the id of its submission."""
        return self._get(ModelView, f"/models/{model_id}")

    def citation(self, model_id: str, form: CitationFormat = CitationFormat.CFF) -> str:
        """Return how to cite a model."""
        path = f"{API}/models/{model_id}/citation"
        return self._wire.send("GET", path, params={"format": form.value}, safe=True).text

    def model_metadata(self, model_id: str) -> DetectedMetadata:
        """Return all that was found out about a model by looking at it."""
        return self._get(DetectedMetadata, f"/models/{model_id}/metadata")

    def model_licenses(self, model_id: str) -> LicenseReport:
        """Return the packages beside a model with their licenses, those to look at first."""
        return self._get(LicenseReport, f"/models/{model_id}/licenses")

    def model_files(self, model_id: str) -> list[ModelFile]:
        """Return the files that were entered, by digest, for those who may have them."""
        return self._get(list[ModelFile], f"/models/{model_id}/files")

    def analytics(
        self, filters: Mapping[Filter, str] | None = None, offset: int = 0, limit: int = 1000
    ) -> tuple[str, int]:
        """Return scores of public models beside what they are made of, as CSV, and all there are.

        Args:
            filters: values that must all be had: task, modality, framework, challenge.
            offset: models to leave out, from the oldest on.
            limit: the most models to return.
        """
        wanted = {which.value: value for which, value in (filters or {}).items()}
        params: dict[str, str | int] = {**wanted, "offset": offset, "limit": limit}
        answer = self._wire.send("GET", f"{API}/analytics", params=params, safe=True)
        return answer.text, int(answer.headers["X-Total-Count"])

    def similar_models(self, model_id: str, limit: int = 10) -> list[Similar]:
        """Return models with the same algorithm, training set or objective: two of the three."""
        return self._get(list[Similar], f"/models/{model_id}/similar", limit=limit)

    def model_differences(self, model_id: str, since: str | None = None) -> ModelDifferences:
        """Tell what differs from ``since``, or from the version before."""
        given = {} if since is None else {"since": since}
        return self._get(ModelDifferences, f"/models/{model_id}/differences", **given)

    def review_queue(self, slug: str) -> ReviewQueue:
        """Return the models of a challenge that wait for a review (organizers only)."""
        return self._get(ReviewQueue, f"/challenges/{slug}/reviews")

    def reviews(self, model_id: str) -> list[ReviewView]:
        """Return the reviews of a model, the newest first."""
        return self._get(list[ReviewView], f"/models/{model_id}/reviews")

    def review(self, model_id: str, request: ReviewCreate) -> ReviewView:
        """Review a model by its challenge's policy (organizers only)."""
        return self._post(ReviewView, f"/models/{model_id}/reviews", request)

    def withdraw_model(self, model_id: str, reason: str = "") -> ModelView:
        """Leave a tombstone in a model's place, for good; its scores stay on their boards."""
        request = WithdrawalCreate(reason=reason)
        return self._post(ModelView, f"/models/{model_id}/withdrawal", request, safe=True)

    def give_doi(self, model_id: str, doi: str) -> ModelView:
        """Name the DOI under which a model was registered (organizers only)."""
        response = self._wire.send(
            "PUT",
            f"{API}/models/{model_id}/doi",
            content=DoiGiven(doi=doi).model_dump_json().encode(),
            headers={"Content-Type": "application/json"},
            safe=True,
        )
        return self._parse(ModelView, response)
