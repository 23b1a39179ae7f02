"""A challenge's metrics, as a reader sees them."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from proctor.spec.challenge import ChallengeSpec
from proctor_dashboard.views.challenge import metrics_html

BUNDLED = Path(__file__).parents[2] / "challenges"


def deciding(challenge: str) -> dict[str, str]:
    spec = ChallengeSpec.model_validate(
        yaml.safe_load((BUNDLED / challenge / "challenge.yaml").read_text(encoding="utf-8"))
    )
    shown = metrics_html(spec, spec.tasks[0])
    return dict(re.findall(r"<tr><th>(\w+)</th>.*?<td>([^<]+)</td></tr>", shown))


def test_every_metric_of_a_ranking_is_said_to_decide_ranks() -> None:
    assert deciding("mni152-tissue") == {"dice": "yes", "hd95": "yes", "volume_error": "yes"}


def test_without_a_declared_ranking_the_primary_alone_decides() -> None:
    assert deciding("digits") == {"top1": "yes", "top3": "–", "log_loss": "–"}
