"""Methods that are slow, that fail, or that record how they learned."""

import asyncio
import os

from harness.base.errors import ModelCallError
from harness.method import Method


class Slow(Method):
    async def answer(self, question, job):
        note = os.environ.get("THIRDPARTY_NOTE")
        quick = os.environ.get("THIRDPARTY_QUICK")
        if quick is None or int(question.id) >= int(quick):
            await asyncio.sleep(float(os.environ.get("THIRDPARTY_SECONDS", "0")))
        output = await job.model.generate(question, job.ask(question))
        if note:
            with open(note, "a") as lines:
                lines.write(f"{question.id}\n")
        return job.outcome(question, output)


class Raises(Method):
    async def answer(self, question, job):
        raise ValueError("a fault")


class Unreachable(Slow):
    async def answer(self, question, job):
        if int(question.id) % 2:
            raise ModelCallError("gone")
        return await super().answer(question, job)


class Learner(Slow):
    async def fit(self, job):
        rows = [
            {"step": n, "rollouts": 8 * n, "wall_s": 0.1 * n, "dev": dev}
            for n, dev in enumerate(map(float, self.args["dev"].split(";")))
        ]
        job.training.curve(rows)
