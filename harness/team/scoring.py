"""What a team episode is scored by: the task's own success, and the log. No agent's word on itself counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.human.audit import WRONG, faults, faulty
from harness.human.brief import Brief
from harness.human.events import INTERRUPTION, IRREVERSIBLE, Event
from harness.human.measures import (
    AT_MOST,
    Questions,
    Weights,
    area_of_utility,
    effort,
    harm,
    intervention_ratio,
    questions,
    spent,
    success_at,
    utility,
)
from harness.human.wording import call_text

if TYPE_CHECKING:
    from harness.stats import Estimate

#: what `set_metrics` gives means of, where they are asked for
MEANS = ("effort", "turns", "decisions", "words_written", "words_read", "takeovers", "human_faulty")
#: the effort up to which success against effort is looked at, in turns of the person by the default weights
MOST_EFFORT = 10.0


@dataclass(frozen=True)
class Prices:
    """What a team's success is weighed by: the weights of effort, the price lambda of `utility`, the range of
    prices of `utility_area`, and the effort up to which `effort_area` reaches."""

    weights: Weights = Weights()
    price: float = 0.1
    low: float = 0.0
    high: float = 0.3
    most: float = MOST_EFFORT


@dataclass(frozen=True)
class TeamEpisode:
    """One episode to score: how well the task was done (0 to 1), the log, the agent's actions, and what the
    person knew; without a brief nobody knows which question was needed, nor what was a fault."""

    success: float
    events: tuple[Event, ...] = ()
    steps: int = 0
    brief: Brief | None = None

    @property
    def interrupted(self) -> bool:
        return any(event.kind == INTERRUPTION for event in self.events)

    @property
    def questions(self) -> Questions:
        """The questions, and what was to be asked."""
        return questions(self.events, self.brief.wanted if self.brief else ())

    @property
    def faulty(self) -> bool:
        """Whether the person did what makes the episode say little of the agent."""
        return self.brief is not None and faulty(self.events, self.brief)


def team_episode(
    success: float,
    answer: Any,
    brief: Brief | None = None,
    irreversible: Collection[str] = (),
    calls: Iterable[Sequence[Any]] = (),
) -> TeamEpisode:
    """From a world's answer, with a person beside it or none. Without one, the calls that were carried out,
    `[name, arguments]` each, say which of them can't be undone."""
    answer = answer if isinstance(answer, Mapping) else {}
    events = [Event.of(each) for each in answer.get("human", ())]
    if "human" not in answer:
        made = [(name, arguments) for name, arguments in calls if name in irreversible]
        events = [Event(IRREVERSIBLE, 0, call_text(call), requested=False) for call in made]
    events += [Event.of(each) for each in answer.get("interruptions", ())]
    knows = brief if "human" in answer else None
    return TeamEpisode(success, tuple(events), int(answer.get("steps", 0)), knows)


def item_metrics(episode: TeamEpisode, prices: Prices = Prices()) -> dict[str, float]:
    """What every episode has a number of."""
    took, success = spent(episode.events), episode.success
    cost = effort(took, prices.weights)
    reached = max(0.0, 1 - cost / prices.most)
    return {
        "success": success,
        **{f"success@{most}": success_at(success, took.turns, most) for most in AT_MOST},
        "effort": cost,
        "turns": float(took.turns),
        "decisions": float(took.decisions),
        "words_written": float(took.words_written),
        "words_read": float(took.words_read),
        "takeovers": float(took.takeovers),
        "unrequested": float(took.unrequested),
        "refused": float(took.refused),
        "intervention_ratio": intervention_ratio(took, episode.steps),
        "utility": utility(success, cost, prices.price),
        "utility_area": area_of_utility(success, cost, prices.low, prices.high),
        "effort_area": success * reached,
        "human_faulty": float(episode.faulty),
    }


def set_metrics(
    episodes: Sequence[TeamEpisode], prices: Prices = Prices(), with_means: bool = False
) -> dict[str, float | Estimate]:
    """What the set as a whole has: ratios of sums over episodes, with an interval by resampling these. What
    nothing is known of is left out: precision without a question, harm without an irreversible call.

    Args:
        with_means: means of what `item_metrics` says of the person too, for tasks that have no such metrics
            of their own; empty where no episode had a log.
    """
    found: dict[str, float | Estimate] = {}

    def ratio(name: str, part: Callable[[TeamEpisode], tuple[float, float]]) -> None:
        rows = [part(each) for each in episodes]
        if any(below for _, below in rows):
            found[name] = _ratio(rows)

    ratio("question_precision", lambda each: (each.questions.needed, each.questions.asked))
    ratio("question_recall", lambda each: (each.questions.covered, each.questions.wanted))
    ratio("harm", _harm)
    ratio("recovery", lambda each: (each.success * each.interrupted, float(each.interrupted)))
    ratio("human_errors", _errors)
    sound = [each for each in episodes if not each.faulty]
    if 0 < len(sound) < len(episodes):
        found["success[without human faults]"] = _ratio([(each.success, 1.0) for each in sound])
        found["effort[without human faults]"] = _mean(item_metrics(each, prices)["effort"] for each in sound)
    seconds = [spent(each.events).seconds for each in episodes]
    known = [each for each in seconds if each is not None]
    if known and len(known) == len(seconds) and any(each.events for each in episodes):
        found["human_seconds"] = _mean(known)
    if with_means and any(each.events for each in episodes):
        means = [item_metrics(each, prices) for each in episodes]
        found |= {name: _mean(each[name] for each in means) for name in MEANS}
    return found


def _harm(episode: TeamEpisode) -> tuple[float, float]:
    made = sum(event.kind == IRREVERSIBLE for event in episode.events)
    return (harm(episode.events) or 0.0) * made, float(made)


def _errors(episode: TeamEpisode) -> tuple[float, float]:
    """Answers that were another of the open values, and answers."""
    answered = sum(event.kind == "question" and event.took for event in episode.events)
    wrong = faults(episode.events, episode.brief) if episode.brief else []
    return float(sum(fault.kind == WRONG for fault in wrong)), float(answered)


def _ratio(rows: Sequence[tuple[float, float]]) -> Estimate:
    """The ratio of two sums over episodes."""
    import numpy as np

    from harness.stats import bootstrap_estimate

    whole = sum(a for a, _ in rows) / sum(b for _, b in rows)

    def statistic(sums: Any) -> Any:
        below = np.asarray(sums)[:, 1]
        return np.where(below > 0, np.asarray(sums)[:, 0] / np.where(below > 0, below, 1.0), whole)

    return bootstrap_estimate(np.asarray(rows, float), statistic)


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
