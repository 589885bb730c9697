"""ToolSandbox's scenarios as a task; similarities come from its own evaluation, in workers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import GraderFailed, UsageError
from harness.data.hub import Data
from harness.external.services import Opening, Service
from harness.external.workers import Pool, WorkerError, pool
from harness.model.request_fields import UNSAID, Fields
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.tasks.official import Official, ungraded
from harness.tasks.toolsandbox.dialogue import Dialogue
from harness.world import World

if TYPE_CHECKING:
    from harness.model.gateway import Model

SCRIPT = Path(__file__).with_name("grader.py")
#: the first request of a worker builds 1,032 scenarios
SECONDS = 300.0
MEMORY = 4 << 30
#: dialogues at once. Each has a process of its own, of some 300 MB, that mostly waits for a model
DIALOGUES = 8
#: maps, geocoding, weather, finance and currencies, all behind one key
RAPID_API = Service(
    "rapidapi.com",
    "RAPID_API_KEY",
    tuple(
        f"https://{path}"
        for path in (
            "trueway-geocoding.p.rapidapi.com/ReverseGeocode",
            "maps-data.p.rapidapi.com/searchmaps.php",
            "weatherapi-com.p.rapidapi.com/forecast.json",
            "real-time-finance-data.p.rapidapi.com/search",
            "currency-converter18.p.rapidapi.com/api/v1/convert",
        )
    ),
    header="X-RapidAPI-Key",
)
NETWORK = Opening((RAPID_API,))
#: what a base scenario's name says of how its request is made harder or put otherwise. Such scenarios are one
#: group, each with its seven sets of distracting tools
_VARIANT = re.compile(
    r"(?:_alt|_implicit|_ambiguous|_multiple_user_turn|_insufficient_information|_low_battery_mode|_wifi_off"
    r"|_cellular_off|_no_remove_contact|_no_search_contacts)+$"
)


def workers(packages: Path) -> Pool:
    """The workers of this process for an installed checkout."""
    return pool(SCRIPT, packages, MEMORY, DIALOGUES)


class ToolSandbox(Official):
    """Scenarios, all or those that need no service on the network; the mean similarity is the official
    figure, and that of each category.

    Live dialogues begin at one local time, the setting `clock`, whatever the day, so that they can be had
    again: officially they begin when they are run, and scenarios, targets and holidays move with the day.
    """

    instruction = "Help the user with the tools."
    roles = ("user",)

    def workers(self, packages: Path) -> Pool:
        return workers(packages)

    def load(self, data: Data) -> Splits:
        self.note_source(data, "ToolSandbox", self.spec.name.partition("/")[2])
        samples = [
            Sample(
                Question(row["id"], row["words"]),
                row["id"],
                group=f"toolsandbox {_VARIANT.sub('', row['base'])}",
                categories=tuple(row["categories"]),
            )
            for row in self.pool.workers[0].ask({"do": "load", "clock": self._clock}, SECONDS)
            if self._wanted(row)
        ]
        if not samples:
            raise UsageError(
                f"{self.spec.name}: no scenario of {self.args['tools']} is of the category "
                f"{self.args['category']}"
            )
        return Splits(samples)

    @property
    def _clock(self) -> str:
        return str(self.spec.settings["clock"])

    @property
    def _offline(self) -> bool:
        return bool(self.spec.settings.get("offline"))

    def _wanted(self, row: dict[str, Any]) -> bool:
        asked = {value for value in (self.args["tools"], self.args["category"]) if value != "any"}
        return not (self._offline and row["network"]) and asked <= set(row["categories"])

    @property
    def opening(self) -> Opening:
        return Opening() if self._offline else NETWORK

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        outside = None if self._offline else self.outside(sample)
        return Dialogue(
            self._clock,
            sample,
            self.pool,
            role("user"),
            SECONDS,
            outside,
            keeps_reasoning=self.keeps_reasoning,
        )

    def request_fields(self, question: Question, seed: int, role: str = "") -> Fields:
        """As the official roles ask."""
        return Fields(tool_choice=UNSAID)

    def is_result(self, found: dict[str, Any]) -> bool:
        """A recorded dialogue: `{"context": ..., "messages": [...]}`."""
        return {"context", "messages"} <= found.keys()

    def score_all(
        self, samples: Sequence[Sample], outcomes: Iterable[Outcome]
    ) -> Iterable[Score | GraderFailed]:
        """The official similarities, from all workers at once; unscored where the evaluation fails. A
        dialogue that the package's code ended by an exception (an unknown tool, arguments that are no
        JSON) is 0, as officially, and the metric `exception` counts it."""
        answers = [outcome.answer or {} for outcome in outcomes]
        requests = [
            {
                "do": "score",
                "scenario": sample.target,
                **{key: answer.get(key) for key in ("context", "messages", "clock")},
            }
            for sample, answer in zip(samples, answers, strict=True)
            if answer and not answer.get("exception")
        ]
        found = self.pool.each(requests, SECONDS)
        return [
            Score({**NOTHING, "exception": 1.0}, reason=answer["exception"])
            if answer.get("exception")
            else _score(next(found), bool(answer.get("clock")))
            if answer
            else Score(NOTHING)
            for answer in answers
        ]


NOTHING = {"similarity": 0.0, "milestone": 0.0, "minefield": 0.0, "exception": 0.0}


def _score(found: Any, own: bool) -> Score | GraderFailed:
    if isinstance(found, WorkerError):
        return ungraded(found, own)
    metrics = {name: min(1.0, found[name]) for name in ("similarity", "milestone", "minefield")}
    return Score({**NOTHING, **metrics}, reason=f"{found['turns']} turns")
