"""What a baseline can show: the runs that each margin takes, and margins for a start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.errors import UsageError
from harness.comparison.arms import Arm
from harness.comparison.items import load_items
from harness.gate.baseline import Baseline
from harness.gate.checks import Rules
from harness.gate.margin import Margin
from harness.gate.pairing import targets, value_of
from harness.gate.runs_needed import RunsNeeded, runs_needed
from harness.results.fields import counted

#: of a baseline's value above chance, what a first margin allows to lose
SHARE = 0.05


@dataclass(frozen=True)
class MarginRuns:
    """A margin of one subject of a baseline, and the runs it takes to show it."""

    arm: Arm
    margin: Margin
    needed: RunsNeeded

    @property
    def shown(self) -> str:
        """The margin in both units."""
        return self.margin.shown(value_of(self.arm), self.arm.metric_range())

    def sentence(self) -> str:
        return f"{self.arm.task} x {self.arm.method} x {self.arm.model}: {self.needs()}"

    def needs(self) -> str:
        """What it takes, without the subject's name."""
        runs = self.needed.baseline_runs
        if self.needed.candidate_runs is not None:
            most = self.needed.candidate_runs
            return f"a margin of {self.shown} takes up to {counted(most, 'run')} of a candidate"
        return f"a baseline of {counted(runs, 'run')} can never show a margin of {self.shown}; {self._cure()}"

    def _cure(self) -> str:
        if self.needed.equal_runs is None:
            return "no number of runs would; declare a wider one"
        return f"{self.needed.equal_runs} runs of each side would, or a wider margin"

    def plain(self) -> dict[str, Any]:
        """For JSON: `margin_loss` and `run_sd` in the unit of the metric."""
        return {
            "task": self.arm.task,
            "method": self.arm.method,
            "model": self.arm.model,
            "margin": str(self.margin),
            "margin_loss": self.margin.loss(value_of(self.arm)),
            "run_sd": self.needed.run_sd,
            "baseline_runs": self.needed.baseline_runs,
            "candidate_runs_needed": self.needed.candidate_runs,
            "equal_runs_needed": self.needed.equal_runs,
        }


def margin_runs(baseline: Baseline, rules: Rules) -> list[MarginRuns]:
    """What each margin of the rules takes.

    Raises:
        UsageError: as in `targets`.
        RecordError: sealed attempts can't be read.
    """
    return [_of(arm, check.margin, rules.alpha) for check, arm in targets(baseline, rules) if check.margin]


def first_margins(
    baseline: Baseline, chance: float | None = None, *, lenient: bool = False
) -> list[MarginRuns]:
    """A margin for each subject: 5 % of its value above chance. `lenient` passes over subjects that have
    none.

    Args:
        chance: what guessing scores, in the unit of the metric; by default the metric's lowest value.

    Raises:
        UsageError: a value that is no better than chance.
    """
    found = []
    for arm in baseline.arms:
        try:
            margin = first_margin(arm, chance)
        except UsageError:
            if not lenient:
                raise
            continue
        found.append(_of(arm, margin, Rules().alpha))
    return found


def first_margin(arm: Arm, chance: float | None = None) -> Margin:
    """5 % of the value above chance: as a share of the value where the metric starts at 0.

    Raises:
        UsageError: the value is no better than chance.
    """
    span, value = arm.metric_range(), value_of(arm)
    guess = chance_of(arm) if chance is None else chance
    # where less is better, what may be lost is a share of what there is
    gained = value if span.lower_is_better else value - guess
    if not gained > 0:
        raise UsageError(
            f"{arm.task} x {arm.method}: {arm.primary} is {value:.4g}, no better than chance ({guess:.4g}); "
            "5 % of nothing is no margin: declare one in its unit, such as --margin 0.02"
        )
    loss = SHARE * gained
    if span.low >= 0 or not span.bounded:
        return Margin(float(f"{loss / value:.2g}"), True)
    return Margin(float(f"{loss:.2g}"), False)


def chance_of(arm: Arm) -> float:
    """What guessing scores where nobody says it: the metric's lowest value, and 0 where that has none."""
    span = arm.metric_range()
    return max(span.low, 0.0) if span.bounded else 0.0


def _of(arm: Arm, margin: Margin, alpha: float) -> MarginRuns:
    loss = margin.loss(value_of(arm))
    return MarginRuns(arm, margin, runs_needed(load_items(arm, arm.primary), loss, alpha))


def refuse_what_is_never_shown(found: Sequence[MarginRuns]) -> None:
    """Refuses margins that are beyond a baseline.

    Raises:
        UsageError: its runs can never show one of the margins; says how many would.
    """
    never = [each for each in found if each.needed.candidate_runs is None]
    if never:
        more = f" (and {len(never) - 1} more)" if len(never) > 1 else ""
        raise UsageError(f"{never[0].sentence()}{more}")


def checks_yaml(name: str, found: Sequence[MarginRuns]) -> str:
    """The text of a `checks.yaml` with these margins."""
    lines = [
        "# What `harness check` holds a candidate against. Each margin is 5 % of the baseline's value",
        "# above chance: how much may be lost is yours to say, so change them. Forms: 5% of the value,",
        "# or 0.02 in its unit.",
        f"baseline: {name}",
        "alpha: 0.05           # of a false alarm, over all checks and all looks together",
        "checks:",
    ]
    seen: set[str] = set()
    for each in found:
        arm = each.arm
        same = [
            other.arm
            for other in found
            if (other.arm.task, other.arm.method, other.arm.model) == (arm.task, arm.method, arm.model)
        ]
        own = arm.comparability["task_args"]
        telling = {
            key: value
            for key, value in own.items()
            if any(o.comparability["task_args"].get(key) != value for o in same)
        }
        entry = {
            "task": arm.task,
            "method": arm.method,
            "model": arm.model,
            **({"T": telling} if telling else {}),
        }
        line = f"  - {_flow({**entry, 'margin': str(each.margin)})}"
        if line not in seen:
            seen.add(line)
            lines += [f"  # {each.needs()}", line]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    import yaml

    return str(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)).strip()
