"""A model as judge of a checklist: one yes-or-no decision for each step and item, by votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.base.concurrent import in_order
from harness.base.errors import UsageError
from harness.checklist import Checklist, Step, Trajectory, Verdicts
from harness.checklist.agreement import majority
from harness.checklist.asking import Reply, ask, response_schema
from harness.checklist.judge_prompt import SCHEMA, episode_prompt, judge_prompt, prompt_digest, read_judgement
from harness.checklist.judging import Judged, Place
from harness.model.gateway import Model
from harness.sample import Question

MODES = ("step", "turn", "episode")
#: of the paper: temperature 0.6, top_p 0.8, at most 6,000 tokens, 2 retries
DECODING: Mapping[str, Any] = {"temperature": 0.6, "top_p": 0.8, "max_tokens": 6000}
RETRIES = 2
#: items about these parts fail without a call where the step's tool call failed
SHORTCUT = ("assistant.tool_calls", "tool.content")


class ModelJudge:
    """Asks a model, as the authors do; the prompt is `judge_prompt`.

    Every call goes through the gateway with the purpose `judge`: cached, counted, within the budget, and as
    many at once as it allows. What two rollouts have in common is one question, and found in the cache.

    Args:
        question: on whose behalf the calls are made.
        mode: `step` decides every item after every step of the agent (steps x items calls); `turn` once, at
            the end of the turn. That is cheaper and differs only where an item is met in between and not at
            the end (section 2.8 of the notes); the earlier steps count as not met. `episode` is for a
            checklist of one block for a whole dialogue: it is decided once, on all of it, as one turn of one
            step.
        votes: decisions drawn for each verdict. The majority of those with an answer decides; a tie is no
            verdict, as the judge can't tell.
        schema: hold the reply to its JSON schema; without it the prompt alone says the form, for servers that
            refuse a schema.
        decoding: replaces settings of DECODING.
    """

    def __init__(
        self,
        model: Model,
        question: Question,
        *,
        mode: str = "step",
        votes: int = 1,
        retries: int = RETRIES,
        schema: bool = True,
        decoding: Mapping[str, Any] | None = None,
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"a judge's mode is one of {', '.join(MODES)}, not {mode!r}")
        if votes < 1 or retries < 0:
            raise UsageError("a judge takes at least 1 vote and 0 retries")
        self._model, self._question = model, question
        self.mode, self.votes, self.retries, self.schema = mode, votes, retries, schema
        self.decoding = {**DECODING, **(decoding or {})}

    @property
    def identity(self) -> Mapping[str, Any]:
        return {
            "judge": "model",
            "model": self._model.name,
            "revision": self._model.provider.revision,
            **({"arguments": arguments} if (arguments := dict(self._model.provider.arguments)) else {}),
            "prompt": prompt_digest(),
            "mode": self.mode,
            "votes": self.votes,
            "retries": self.retries,
            "schema": self.schema,
            "decoding": {**self._model.decoding, **self.decoding},
        }

    async def verdicts(
        self, checklist: Checklist, trajectory: Trajectory, *, group: str = "", rollout: int = 0
    ) -> Judged:
        """
        Raises:
            BudgetSpent: a limit of the run is reached; what was decided is in the cache.
        """
        if self.mode == "episode":
            return await self._on_all(checklist, trajectory)
        tally = _Tally()
        rows: Verdicts = []
        places: list[Place] = []
        for t, (turn, items) in enumerate(zip(trajectory.turns, checklist.turns, strict=False)):
            rows.append([[False] * len(items) for _ in turn.steps])
            steps = range(len(turn.steps)) if self.mode == "step" else range(len(turn.steps))[-1:]
            for s in steps:
                # at the end of a turn a failed last call says nothing of what an earlier one did
                asked = turn.steps[s : s + 1] if self.mode == "step" else turn.steps
                for i, item in enumerate(items):
                    if item.focus_on in SHORTCUT and _all_failed(asked):
                        tally.counts["shortcuts"] += 1
                    else:
                        places.append((t, s, i))
        await self._decide(
            rows, places, tally, lambda t, s, i: judge_prompt(checklist.turns[t][i], trajectory, t, s)
        )
        return tally.judged(rows)

    async def _on_all(self, checklist: Checklist, trajectory: Trajectory) -> Judged:
        if len(checklist.turns) != 1:
            raise UsageError(
                f"mode=episode takes a checklist of one block, and this has {len(checklist.turns)}: "
                "take mode=turn"
            )
        items, tally = checklist.turns[0], _Tally()
        if not any(turn.steps for turn in trajectory.turns):
            return Judged([[]])
        rows: Verdicts = [[[False] * len(items)]]
        places = [(0, 0, i) for i in range(len(items))]
        await self._decide(rows, places, tally, lambda t, s, i: episode_prompt(items[i], trajectory))
        return tally.judged(rows)

    async def _decide(
        self,
        rows: Verdicts,
        places: Sequence[Place],
        tally: _Tally,
        prompt: Callable[[int, int, int], str],
    ) -> None:
        """Asks for every vote on every place and writes the verdicts into `rows`."""
        form = response_schema("judgement", SCHEMA) if self.schema else {}
        tries = self.retries + 1

        async def vote(asked: tuple[Place, int]) -> Reply[bool]:
            place, number = asked
            return await ask(
                self._model,
                self._question,
                prompt(*place),
                read_judgement,
                purpose="judge",
                first_draw=number * tries,
                tries=tries,
                decoding={**self.decoding, **form},
            )

        wanted = [(place, number) for place in places for number in range(self.votes)]
        replies = await in_order(vote, wanted, self._model.provider.connections)
        for n, (t, s, i) in enumerate(places):
            rows[t][s][i] = tally.verdict((t, s, i), replies[n * self.votes : (n + 1) * self.votes])


@dataclass
class _Tally:
    """The counts of a `Judged` by name."""

    counts: Counter[str] = field(default_factory=Counter)
    reason: str = ""
    votes: dict[Place, tuple[bool | None, ...]] = field(default_factory=dict)

    def verdict(self, place: Place, replies: Sequence[Reply[bool]]) -> bool | None:
        """The majority of the votes."""
        for reply in replies:
            self.counts.update(calls=reply.calls, malformed=reply.malformed, errors=reply.errors)
            self.reason = self.reason or reply.reason
        votes = self.votes[place] = tuple(reply.value for reply in replies)
        found = majority(votes)
        self.counts.update(failed=int(found is None), ties=int(found is None and True in votes))
        return found

    def judged(self, verdicts: Verdicts) -> Judged:
        return Judged(verdicts, **self.counts, reason=self.reason, votes=self.votes)


def _all_failed(steps: list[Step]) -> bool:
    """Whether tools were called and every step that did so met an error."""
    failed = [any(result.failed for result in step.results) for step in steps if step.results]
    return bool(failed) and all(failed)
