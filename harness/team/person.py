"""Whoever plays the person: a model in the role `human`, asked through the gateway in one wording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.answers.normalise import as_written
from harness.base import messages
from harness.base.errors import ModelCallError, UsageError, UserFailed
from harness.human.brief import Brief
from harness.human.wording import FORMS, SECONDS, Reply, Request, brief_text, words

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

    from harness.model.gateway import Model
    from harness.sample import Question

#: the role of the person, and the purpose of calls to it, under which the ledger has what they take
HUMAN = "human"
#: how often a request is made until the reply has its form
TRIES = 3
#: seconds that one reply may take by default
PATIENCE = 600.0


@dataclass(frozen=True)
class Said:
    """A reply with what it took: words of the request and of all that was written, and seconds, None where
    nobody knows."""

    reply: Reply
    text: str
    words_read: int
    words_written: int
    seconds: float | None


class Person:
    """One person in one episode. It sees its own brief, the requests so far and what it said to them, and
    nothing else of the agent.

    Replies go into the cache before anything is done on their word, whatever they are: a killed episode finds
    what a person said, and nobody is asked twice.
    """

    def __init__(self, model: Model, question: Question, brief: Brief, patience: float = PATIENCE) -> None:
        self._model, self._question, self._patience = model, question, patience
        self.brief = brief
        #: replies that hadn't their form, so that the person was asked again
        self.retries = 0
        self._seen: list[ChatMessage] = [messages.system(brief_text(brief))]

    async def ask(self, request: Request, misfit: Callable[[Reply], str] = lambda reply: "") -> Said:
        """The person's reply to a request. `misfit` says why one that has its form can't be carried out;
        empty where it can.

        Raises:
            UserFailed: there was none in time, or none that has its form and can be carried out in `TRIES`
                tries.
        """
        read = written = 0
        seconds: float | None = 0.0
        asked, said, why = request, "", ""
        for left in reversed(range(TRIES)):
            text = asked.write()
            self._seen.append(messages.user(text))
            try:
                output = await self._model.generate(
                    self._question, self._seen, purpose=HUMAN, patience=self._patience
                )
            except ModelCallError as error:
                raise UserFailed(f"human: {error}") from error
            said = output.completion.strip()
            if not self._model.provider.person:  # the thoughts of a model are for nobody
                said = as_written(said).text.strip()
            self._seen.append(messages.assistant(said))
            read, written = read + words(text), written + words(said)
            took = seconds_of(output)
            seconds = None if took is None or seconds is None else seconds + took
            cut = output.stop_reason in ("max_tokens", "model_length")
            reply = None if cut else Reply.read(request.kind, said)
            unfit = "" if reply is None else misfit(reply)
            if reply is not None and not unfit:
                return Said(reply, said, read, written, seconds)
            self.retries += left > 0
            why = f"can't be carried out: {unfit}" if unfit else "was cut off" if cut else "could not be read"
            asked = replace(request, text=f"Your reply {why}. {FORMS[request.kind]}\n{request.text}")
        raise UserFailed(
            f"human: no reply in the form that was asked for in {TRIES} tries; "
            f"the last, {said[:200]!r}, {why}"
        )


def seconds_of(output: ModelOutput) -> float | None:
    """The seconds that a person took for a completion; None where it doesn't say: a model has none."""
    found: Any = (output.metadata or {}).get(SECONDS)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


# -- the arguments of tasks that have a person ---------------------------------------------------------------


def check_person(task: str, args: Mapping[str, Any]) -> None:
    """Whether the arguments of a task that are about the person make sense.

    Raises:
        UsageError: one doesn't.
    """
    budget = args["human_budget"]
    if budget is not None and budget < 0:
        raise UsageError(f"{task}: human_budget={budget} is below 0; leave it out for no limit")
    if not args["human_time"] > 0:
        raise UsageError(f"{task}: human_time={args['human_time']:g} is not above 0 seconds")


def brief_of(args: Mapping[str, Any], **known: Any) -> Brief:
    """A brief in the style that a task's arguments ask for."""
    return Brief(style=args["human_style"], proactive=args["human_proactive"], **known)
