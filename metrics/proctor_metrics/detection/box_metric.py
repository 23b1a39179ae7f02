"""What every metric of boxes has: a rule of matching, read from the task and told on the board."""

from abc import abstractmethod
from dataclasses import dataclass

from proctor_metrics.cases import BoxCase, Case, MetricInputError, Side
from proctor_metrics.detection.assignment import Assignment
from proctor_metrics.detection.closeness import Closeness, Criterion
from proctor_metrics.detection.matching import MatchRule, check_rule, matches
from proctor_metrics.metric import CaseType, Direction, Metric, number_text
from proctor_metrics.parameters import Parameters

SHARED_RULES = (
    "References to ignore need not be found, and a box on one is neither right nor wrong.",
    "A missing case finds nothing, and is wrong above every score once for each reference,"
    " and once in every class in an item without any.",
)

ORDER_RULE = "Equal scores are taken in the order of items, then of classes and places."

_ASSIGNMENT_RULES = {
    Assignment.GREEDY: "The best-scored box first takes the closest reference still free.",
    Assignment.FIRST_CHOICE: "A box whose closest reference is taken already is wrong.",
    Assignment.OPTIMAL: "Pairs are made so that there are the most of them, then the closest.",
    Assignment.HITS: "A further box on a reference that is found is neither right nor wrong.",
}


@dataclass(frozen=True)
class BoxMetric(Metric):
    """A metric of boxes, a share without a unit; 0 is its worst."""

    direction = Direction.HIGHER
    case_type = CaseType.BOXES

    @property
    @abstractmethod
    def rule(self) -> MatchRule:
        """Return what decides about pairs."""

    @property
    def assignment_rule(self) -> str:
        """Return the sentence about how pairs are made."""
        return _ASSIGNMENT_RULES[self.rule.assignment]

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0."""
        return 0.0

    def compact(self, case: Case) -> Case:
        """Match the boxes of a case, once for all that is asked of it later."""
        matches(self.box_case(case), self.rule)
        return case

    def box_case(self, case: Case) -> BoxCase:
        """Return the case as one of boxes.

        Raises:
            MetricInputError: it is another kind of case.
        """
        if isinstance(case, BoxCase):
            return case
        raise MetricInputError(
            case.case,
            Side.TASK,
            "the case holds no boxes",
            f"{self.name} is computed from boxes",
        )

    def class_names(self, case: Case) -> tuple[str, ...]:
        """Return the names of the classes, once the rule is known to fit the case.

        Raises:
            MetricInputError: the case holds no boxes, or not such as the rule needs.
        """
        boxes = self.box_case(case)
        check_rule(boxes, self.rule)
        return boxes.classes


def read_closeness(parameters: Parameters, default: Criterion) -> Closeness:
    """Read `match`, and `iou` or `distance` as it asks.

    Raises:
        MetricParameterError: a limit is missing or out of range.
    """
    criterion = parameters.choice("match", default)
    match criterion:
        case Criterion.IOU:
            return Closeness(criterion, parameters.number("iou", 0.5, above=0, at_most=1))
        case Criterion.CENTER_DISTANCE:
            return Closeness(criterion, parameters.number("distance", None, above=0, at_most=1e9))
        case Criterion.RADIUS | Criterion.INSIDE:
            return Closeness(criterion)


def rule_text(rule: MatchRule) -> str:
    """Write what decides about pairs, with one limit, in the form of a definition id."""
    (by,) = rule.by
    limited = by.criterion in (Criterion.IOU, Criterion.CENTER_DISTANCE)
    limit = f"@{number_text(by.limit)}" if limited else ""
    text = f";match={by.criterion}{limit};assignment={rule.assignment}"
    if rule.most is not None:
        text += f";most={rule.most}"
    if rule.least_score is not None:
        text += f";least_score={number_text(rule.least_score)}"
    return text
