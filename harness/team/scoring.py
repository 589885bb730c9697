"""What a team episode is scored by: the task's own success, and the log. No agent's word on itself counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.human.audit import FAULTY, WRONG, faults
from harness.human.brief import Brief
from harness.human.events import INTERRUPTION, IRREVERSIBLE, Event, is_event
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

#: what `person_metrics` gives means of
MEANS = ("effort", "turns", "decisions", "words_written", "words_read", "takeovers", "human_faulty")


@dataclass(frozen=True)
class Prices:
    """What a team's success is weighed by: the weights of effort, the price lambda of `utility`, the range of
    prices of `utility_area`, and the effort up to which `effort_area` reaches."""

    weights: Weights = Weights()
    price: float = 0.1
    low: float = 0.0
    high: float = 0.3
    most: float = 10.0


@dataclass(frozen=True)
class TeamEpisode:
    """One episode to score: the id of its item, how well the task was done (0 to 1), the log, the agent's
    actions, and what the person knew; without a brief nobody knows which question was needed, nor what was a
    fault. `judged` are the kinds of faults that a judge found, None where none was asked: then rules find
    them."""

    item: str
    success: float
    events: tuple[Event, ...] = ()
    steps: int = 0
    brief: Brief | None = None
    judged: tuple[str, ...] | None = None

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
        return any(kind in FAULTY for kind in self.faults)

    @property
    def faults(self) -> tuple[str, ...]:
        """The kinds of the person's faults, each as often as it occurs."""
        if self.judged is not None:
            return self.judged
        return tuple(f.kind for f in faults(self.events, self.brief)) if self.brief else ()


def team_episode(
    item: str,
    success: float,
    answer: Any,
    brief: Brief | None = None,
    irreversible: Collection[str] = (),
    calls: Iterable[Sequence[Any]] = (),
) -> TeamEpisode:
    """An episode from a world's answer, with a person beside it or none. Without one, the calls that were
    carried out, `[name, arguments]` each, say which of them can't be undone."""
    answer = answer if isinstance(answer, Mapping) else {}
    events = _log(answer, "human")
    if "human" not in answer:
        made = [(name, arguments) for name, arguments in calls if name in irreversible]
        events = [Event(IRREVERSIBLE, 0, call_text(call), requested=False) for call in made]
    events += _log(answer, "interruptions")
    knows = brief if "human" in answer else None  # nobody was there to be asked
    judged = None
    if isinstance(audit := answer.get("audit"), list):
        judged = tuple(str(fault.get("kind")) for fault in audit if isinstance(fault, Mapping))
    steps = answer.get("steps")
    return TeamEpisode(item, success, tuple(events), steps if type(steps) is int else 0, knows, judged)


def _log(answer: Mapping[str, Any], name: str) -> list[Event]:
    """A log of an answer, of which what is no entry is left out: it may have been recorded elsewhere."""
    found = answer.get(name)
    return [Event.of(each) for each in found if is_event(each)] if isinstance(found, list) else []


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


def set_metrics(episodes: Sequence[TeamEpisode], prices: Prices = Prices()) -> dict[str, float | Estimate]:
    """What the set as a whole has: ratios of sums over episodes, with an interval by resampling items, each
    with all of its episodes. What nothing is known of is left out: precision without a question, harm without
    an irreversible call."""
    found = _of_people(episodes) | recovery(episodes)
    sound = [each for each in episodes if not each.faulty]
    if 0 < len(sound) < len(episodes):
        found |= _ratio("success[without human faults]", sound, lambda each: (each.success, 1))
        found["effort[without human faults]"] = _mean(item_metrics(each, prices)["effort"] for each in sound)
    return found


def person_metrics(episodes: Sequence[TeamEpisode]) -> dict[str, float | Estimate]:
    """The same for tasks with a score of their own, without what depends on success, and with the means of
    `MEANS`; nothing where no episode had a person beside it."""
    if not any(each.brief for each in episodes):
        return {}
    means = [item_metrics(each) for each in episodes]
    return _of_people(episodes) | {name: _mean(each[name] for each in means) for name in MEANS}


def recovery(episodes: Sequence[TeamEpisode]) -> dict[str, float | Estimate]:
    """Success among the episodes with a change of mind; nothing without one."""
    return _ratio("recovery", episodes, lambda each: (each.success * each.interrupted, each.interrupted))


def _of_people(episodes: Sequence[TeamEpisode]) -> dict[str, float | Estimate]:
    """What was asked, how it was answered, what was done unasked, and how long people took."""
    found: dict[str, float | Estimate] = {}
    found |= _ratio("question_precision", episodes, lambda e: (e.questions.needed, e.questions.asked))
    found |= _ratio("question_recall", episodes, lambda e: (e.questions.covered, e.questions.wanted))
    found |= _ratio("harm", episodes, _harm)
    found |= _ratio("human_errors", episodes, _errors)
    seconds = [spent(each.events).seconds for each in episodes]
    known = [each for each in seconds if each is not None]
    if len(known) == len(seconds) and any(event.took for each in episodes for event in each.events):
        found["human_seconds"] = _mean(known)
    return found


def _harm(episode: TeamEpisode) -> tuple[float, float]:
    made = sum(event.kind == IRREVERSIBLE for event in episode.events)
    return (harm(episode.events) or 0.0) * made, float(made)


def _errors(episode: TeamEpisode) -> tuple[float, float]:
    """How many answers gave another of the possible values, and how many there were."""
    answered = sum(event.kind == "question" and event.took for event in episode.events)
    return float(episode.faults.count(WRONG)), float(answered)


def _ratio(
    name: str,
    episodes: Sequence[TeamEpisode],
    part: Callable[[TeamEpisode], tuple[float, float]],
) -> dict[str, float | Estimate]:
    """The ratio of two sums over episodes, by its name; nothing where the lower one is 0."""
    import numpy as np

    from harness.stats import bootstrap_estimate

    place = {item: n for n, item in enumerate(dict.fromkeys(each.item for each in episodes))}
    rows = np.zeros((len(place), 2))
    for each in episodes:
        rows[place[each.item]] += part(each)
    above, below = rows.sum(axis=0)
    if not below:
        return {}

    def statistic(sums: Any) -> Any:
        under = np.asarray(sums)[:, 1]
        return np.where(under > 0, np.asarray(sums)[:, 0] / np.where(under > 0, under, 1.0), above / below)

    return {name: bootstrap_estimate(rows, statistic)}


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
