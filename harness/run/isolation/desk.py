"""Serves what a worker asks for from the run's own job, which stands on the runner's side with the task, its
data and the targets: a worker gets what that job would have given to the method, and nothing else."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.base.digest import canonical_json
from harness.base.errors import AccessError, DataError, UsageError
from harness.base.files import plain_fault
from harness.base.terminal import one_line
from harness.job import Job
from harness.model.verbatim import tool_of
from harness.run.isolation import forms
from harness.run.isolation.idle import Idle
from harness.sample import Outcome, Question, Sample
from harness.spec import MethodSpec

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from harness.world import Observation, World

#: errors that are kept until the method has let them out, or not
KEPT = 1000
#: how often a worker may log
LOGGED = 1000
_NO_SETTINGS = frozenset(
    ("question", "messages", "purpose", "draw", "tools", "tool_choice", "keep", "patience")
)

Reply = Callable[[Mapping[str, Any], Any], None]


class Desk:
    """Answers by number. What waits for a model, or a world, is a task of its own."""

    def __init__(self, spec: MethodSpec, job: Job, reply: Reply) -> None:
        self._name, self._job, self._reply = spec.name, job, reply
        self._declared = {*spec.needs, *spec.may_use, *spec.roles}
        self._samples: dict[str, Sample] | None = None
        self.questions: Iterator[Question] = iter(())
        self._handed: dict[tuple[str, int], Question] = {}
        self._worlds: dict[int, tuple[Question, World]] = {}
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._raised: OrderedDict[int, BaseException] = OrderedDict()
        self._count = self._logged = 0
        self.idle = Idle()

    @property
    def open(self) -> int:
        """Requests that wait for a model or a world."""
        return len(self._under_way)

    def hear(self, said: Mapping[str, Any]) -> None:
        """Serves one request.

        Raises:
            ValueError: it is none that a worker makes.
        """
        what = forms.text(said.get("do"))
        if (told := self._told.get(what)) is not None:
            told(self, said)
            return
        number = forms.whole(said.get("id"))
        if (waits := self._waits.get(what)) is not None:
            if number in self._under_way:
                raise ValueError(f"it asks {number} twice")
            work = asyncio.get_running_loop().create_task(self._serve(number, waits(self, said)))
            self._under_way[number] = work
            return
        if what not in self._now:
            raise ValueError(f"it asks for {what!r}")
        try:
            with self.idle.stands():
                found = self._now[what](self, said)
        except Exception as error:
            self._refuse(number, error)
        else:
            self._answer(number, found)

    async def _serve(self, number: int, work: Coroutine[Any, Any, Any]) -> None:
        try:
            with self.idle.stands():
                found = await work
        except asyncio.CancelledError:
            return
        except Exception as error:
            self._refuse(number, error)
        else:
            self.idle.again()
            self._answer(number, found)
        finally:
            self._under_way.pop(number, None)

    def _answer(self, number: int, found: Any) -> None:
        if type(found) in (str, int, bool, type(None)) or (type(found) is dict and not plain_fault(found)):
            self._reply({"id": number, "ok": found}, None)
        else:
            self._reply({"id": number}, found)

    def _refuse(self, number: int, error: BaseException) -> None:
        self._count += 1
        self._raised[self._count] = error
        if len(self._raised) > KEPT:
            self._raised.popitem(last=False)
        self._reply({"id": number, "error": forms.error_plainly(error, self._count)}, None)

    def fitted(self, drawn: Mapping[str, Any]) -> None:
        """Takes over what `fit` drew, as the method told it."""
        self._job.drawn.restore(drawn, told=True)

    def raised(self, number: Any) -> BaseException | None:
        """The error of the runner's own that a worker was told under this number."""
        return self._raised.get(number) if type(number) is int else None

    async def close(self) -> None:
        """Gives up what is under way, and the worlds."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, world in self._worlds.values():
            with suppress(Exception):
                await world.close()
        self._worlds.clear()

    # -- questions and outcomes ------------------------------------------------------------------------

    def _question(self, said: Mapping[str, Any]) -> Question:
        found = said.get("q")
        if type(found) is list and len(found) == 2:
            return self._handed[forms.text(found[0]), forms.whole(found[1])]
        return forms.question_of(found)

    def _asked(self, said: Mapping[str, Any]) -> Question:
        """A question that waits for its outcome."""
        question = self._question(said)
        if self._handed.get((question.id, question.epoch)) is not question:
            raise UsageError(f"method {self._name!r} asks about the item of a question that it isn't asked")
        return question

    def _next(self, said: Mapping[str, Any]) -> Any:
        taken = list(islice(self.questions, forms.whole(said.get("n"))))
        self._handed |= {(question.id, question.epoch): question for question in taken}
        prompts = [self._prompt(question) if said.get("asks") is True else None for question in taken]
        return taken, prompts, self._job.concurrency

    def _prompt(self, question: Question) -> list[Any] | None:
        try:
            return [forms.said_plainly(message) for message in self._job.ask(question)]
        except Exception:  # the method is told where it asks itself
            return None

    def outcome(self, said: Mapping[str, Any]) -> Outcome:
        """The outcome that a worker gives. Of an episode, the answer is what the world says that was done.

        Raises:
            ValueError: it is none, or its answer is that of no episode.
        """
        outcome = forms.outcome_of(said.get("o"))
        key = outcome.question_id, outcome.epoch
        self._handed.pop(key, None)
        self.idle.again()
        if not self._job.interactive:
            return outcome
        played = {n: w for n, (asked, w) in self._worlds.items() if (asked.id, asked.epoch) == key}
        if outcome.answer is not None:
            given = canonical_json(outcome.answer)
            true = [found for world in played.values() if canonical_json(found := world.answer()) == given]
            if not true:
                raise ValueError(f"the answer to {outcome.question_id!r} is that of no episode")
            outcome.answer = true[0]
        for number in played:
            del self._worlds[number]
        return outcome

    # -- the task's face -------------------------------------------------------------------------------

    def _ask(self, said: Mapping[str, Any]) -> Any:
        shots = [forms.sample_of(each) for each in said["shots"]]
        return [forms.said_plainly(message) for message in self._job.ask(self._question(said), shots)]

    def _parse(self, said: Mapping[str, Any]) -> Any:
        return self._job.parse(forms.text(said.get("text")), self._question(said))

    def _canonical(self, said: Mapping[str, Any]) -> Any:
        return self._job.canonical(said["answer"], self._question(said))

    def _wrong(self, said: Mapping[str, Any]) -> Any:
        return self._job.wrong_answer(self._asked(said))

    def _embed(self, said: Mapping[str, Any]) -> Any:
        return self._job.embed([forms.text(text) for text in said["texts"]])

    def _data(self, said: Mapping[str, Any]) -> Any:
        name = forms.text(said.get("split"))
        if name not in ("train", "dev", "pool", "test_inputs", "interactions"):
            raise ValueError(f"it asks for the split {name!r}")
        if name == "interactions":
            known = self._job.data.interactions
            if "item_texts" not in self._declared:
                return replace(known, item_texts=())
            assert self._job.data.item_texts is not None  # counts them
            return known
        found = list(getattr(self._job.data, name))
        for sample in found:
            if isinstance(sample, Sample) and plain_fault(_listed(sample.target)):
                raise DataError(
                    f"--isolate: samples of {self._job.task_name} have targets that are no plain data, which "
                    "can't be handed to a process without the task's code"
                )
        return found

    # -- training --------------------------------------------------------------------------------------

    def _held(self, said: Mapping[str, Any], name: str) -> Sample:
        """A sample that the method may hold with its target, by its id: the runner's own."""
        if self._samples is None:
            data, may = self._job.data, self._declared
            held = (*(data.dev if "dev" in may else ()), *(data.train if "labelled" in may else ()))
            self._samples = {sample.id: sample for sample in held}
        wanted = forms.text(said.get(name))
        if wanted not in self._samples:
            raise UsageError(f"method {self._name!r} holds no sample {wanted!r}")
        return self._samples[wanted]

    def _reward(self, said: Mapping[str, Any]) -> Any:
        return self._job.training.reward(self._held(said, "sample"), forms.text(said.get("text")))

    def _graded(self, said: Mapping[str, Any]) -> Any:
        sample, outcome = self._held(said, "sample"), forms.outcome_of(said.get("o"))
        training = self._job.training
        return training.score(sample, outcome) if said["do"] == "score" else training.share(sample, outcome)

    def _history(self, said: Mapping[str, Any]) -> Any:
        return self._job.history(self._question(said), forms.text(said.get("part")))

    def _users(self, said: Mapping[str, Any]) -> Any:
        return self._job.pasts(forms.text(said.get("part")))

    def _curve(self, said: Mapping[str, Any]) -> Any:
        self._job.training.curve(said["rows"])

    # -- models and worlds -----------------------------------------------------------------------------

    async def _generate(self, said: Mapping[str, Any]) -> Any:
        from inspect_ai.tool import ToolFunction

        role, choice, settings = said.get("of"), said.get("choice"), said.get("with", {})
        if role is not None and role not in self._declared:
            raise AccessError(f"method {self._name!r} asks a role that it doesn't declare")
        model = self._job.model if role is None else self._job.role(forms.text(role))
        if type(settings) is not dict or settings.keys() & _NO_SETTINGS:
            raise ValueError("settings of a call are a table of settings")
        more: dict[str, Any] = {"patience": float(said["patience"])} if "patience" in said else {}
        if "tools" in said:
            more["tools"] = [tool_of(tool) for tool in said["tools"]]
            more["tool_choice"] = ToolFunction(forms.text(choice)) if said.get("named") else choice
        output = await model.generate(
            self._question(said),
            forms.heard(said["m"]),
            purpose=forms.text(said.get("purpose", "answer")),
            draw=forms.whole(said.get("draw", 0)),
            **more,
            **settings,
        )
        return output.model_dump(exclude_none=True)

    def _world(self, said: Mapping[str, Any]) -> Any:
        question = self._asked(said)
        world = self._job.world(question)
        number = forms.whole(said["id"])
        self._worlds[number] = question, world
        return number, world.limits, world.mended, world.waits_for_people

    async def _start(self, said: Mapping[str, Any]) -> Any:
        world = self._worlds[forms.whole(said["w"])][1]
        return self._seen(world, await world.start())

    async def _step(self, said: Mapping[str, Any]) -> Any:
        world = self._worlds[forms.whole(said["w"])][1]
        (action,) = forms.heard(said["m"])
        if action.role != "assistant":
            raise ValueError("an action is a message of the agent's")
        return self._seen(world, await world.step(action))

    def _seen(self, world: World, observation: Observation) -> Any:
        return observation, world.answer(), world.user_retries

    async def _close_world(self, said: Mapping[str, Any]) -> Any:
        """Closes a world, and tells what a step that failed or was broken off has left of it."""
        world = self._worlds[forms.whole(said["w"])][1]
        await world.close()
        return world.answer(), world.user_retries

    # -- what has no answer ----------------------------------------------------------------------------

    def _cancel(self, said: Mapping[str, Any]) -> None:
        work = self._under_way.get(forms.whole(said.get("of")))
        if work is not None:
            work.cancel()

    def _progress(self, said: Mapping[str, Any]) -> None:
        what = forms.text(said.get("what"))
        self._job.progress(what[:200], forms.whole(said["done"]), forms.whole(said["total"]))

    def _drawn(self, said: Mapping[str, Any]) -> None:
        self._job.drawn.note()

    def _log(self, said: Mapping[str, Any]) -> None:
        self._logged += 1
        if self._logged <= LOGGED:
            text = one_line(forms.text(said.get("text")))
            self._job.log.log(min(forms.whole(said["level"]), 50), "%s", text)

    def _count_read(self, said: Mapping[str, Any]) -> None:
        self._job.access[forms.text(said.get("name"))] = forms.whole(said["count"])

    _told = {"cancel": _cancel, "progress": _progress, "drawn": _drawn, "log": _log, "read": _count_read}
    _waits = {"generate": _generate, "start": _start, "step": _step, "close": _close_world}
    _now = {
        **{"next": _next, "ask": _ask, "parse": _parse, "canonical": _canonical, "wrong": _wrong},
        **{"embed": _embed, "data": _data, "world": _world, "curve": _curve},
        **{"reward": _reward, "score": _graded, "share": _graded},
        **{"history": _history, "users": _users},
    }


def _listed(value: Any) -> Any:
    """Plain data with its tuples as lists."""
    if isinstance(value, list | tuple):
        return [_listed(part) for part in value]
    return {name: _listed(part) for name, part in value.items()} if type(value) is dict else value
