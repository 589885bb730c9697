"""The time of an attempt, for methods that answer many at once."""

import asyncio

import pytest

from harness.base import messages
from harness.base.errors import ModelCallError
from harness.model.attempt_time import AttemptClock, Timed
from harness.model.budget import Budget
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.sample import Question


class Slow(Provider):
    name, cacheable = "test/slow", False

    async def generate(self, call):
        from inspect_ai.model import ModelOutput

        await asyncio.sleep(0.04)
        return ModelOutput.from_content("m", "late")


def test_calls_end_with_the_attempt_that_they_are_made_for():
    async def calls():
        model = Timed(Slow(), ledger=Ledger(), budget=Budget())
        model.clock = clock = AttemptClock(0.1)
        attempt, other = Question("a", "?"), Question("b", "?")
        clock.begin(attempt)

        async def ask(question):
            return (await model.generate(question, [messages.user("?")])).completion

        assert [await ask(attempt), await ask(attempt)] == ["late"] * 2
        with pytest.raises(ModelCallError, match="longer than 0.1 seconds"):
            await ask(attempt)
        assert [await ask(other) for _ in range(4)] == ["late"] * 4, "an annotation is no attempt"
        clock.end("a", 0)
        assert await ask(attempt) == "late" and clock.left(attempt) is None

    asyncio.run(calls())


def test_the_time_of_an_attempt_stands_still_while_a_person_answers():
    async def calls():
        model = Timed(Slow(), ledger=Ledger(), budget=Budget())
        model.clock = clock = AttemptClock(0.1)
        attempt = Question("a", "?")
        clock.begin(attempt)
        asked = [messages.user("?")]
        await model.generate(attempt, asked)
        before = clock.left(attempt)
        for _ in range(4):
            await model.generate(attempt, asked, purpose="human")
        assert before - clock.left(attempt) < 0.02
        await model.generate(attempt, asked)
        with pytest.raises(ModelCallError, match="longer than 0.1 seconds"):
            for _ in range(3):
                await model.generate(attempt, asked)

    asyncio.run(calls())
