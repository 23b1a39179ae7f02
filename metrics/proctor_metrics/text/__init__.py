"""Metrics of texts: answers to questions, summaries, translations."""

from proctor_metrics.metric import Metric
from proctor_metrics.text.bleu import Bleu
from proctor_metrics.text.overlap import ExactMatch, TokenF1
from proctor_metrics.text.rouge import RougeL

METRICS: tuple[type[Metric], ...] = (Bleu, ExactMatch, RougeL, TokenF1)
