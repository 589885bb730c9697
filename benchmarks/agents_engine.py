"""What a conversation adds to a call of a model: CPU of its engine, on a model that answers at once.

    python benchmarks/agents_engine.py [--questions 40] [--rounds 3]

Whole conversations (prompts, order, reading of answers, vectors of texts, graphs, vote, trace) on echo, and
then the same prompts asked of the same model through the gateway alone; the difference by call, one thread,
medians of turns within one run. Target: under 1 ms a call at N = 6, T = 4.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

TARGET = 1.0
#: what every agent says: a label, and about 100 words
TEXT = "Label: red\n" + " ".join(
    f"Reason {n} speaks for this and not for any other answer." for n in range(10)
)


class Heard:
    """An echo that keeps the prompts that it got."""

    def __init__(self) -> None:
        from harness.model.echo import Echo

        self.provider, self.calls = Echo(TEXT), list[Any]()
        own = self.provider.generate

        async def generate(call: Any) -> Any:
            self.calls.append(call)
            return await own(call)

        self.provider.generate = generate  # type: ignore[method-assign]


def job_of(method: str, args: dict[str, Any], heard: Heard) -> tuple[Any, Any]:
    from harness.data.hub import Data
    from harness.job import Job, Models
    from harness.model.budget import Budget
    from harness.model.embed import open_embedder
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger
    from harness.registry import load_method, registry
    from harness.testing import TINY, TinyTask

    spec = registry().method(method)
    task = TinyTask(TINY, {})
    ledger, budget = Ledger(), Budget()
    model = Model(heard.provider, ledger=ledger, budget=budget)
    models = Models(model=model, embedder=open_embedder("lsa"), ledger=ledger, budget=budget)
    job = Job(task=task, method=spec, splits=task.load(Data()), models=models)
    return load_method(spec, spec.arguments(args)), job


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    missed = False
    cases = [
        ("independent", {}, given.questions),
        ("debate", {}, given.questions),
        ("todycomm", {"updates": 1, "batch": 2}, given.questions),
        ("debate", {"agents": 64}, max(1, given.questions // 20)),
        ("fully-connected", {"agents": 64}, max(1, given.questions // 20)),
    ]
    for method, args, questions in cases:
        attacked = {"attack": "random", **args}
        whole, alone = asyncio.run(measured(method, attacked, questions, given.rounds))
        added = whole - alone
        missed |= "agents" not in args and added > TARGET
        n = args.get("agents", 6)
        print(
            f"{method}, N = {n}, T = 4: {1000 * whole:.0f} us of CPU a call, of which the gateway and the "
            f"model take {1000 * alone:.0f}; the engine adds {added:.2f} ms",
            flush=True,
        )
    return int(missed)


async def measured(method: str, args: dict[str, Any], questions: int, rounds: int) -> tuple[float, float]:
    """Milliseconds of CPU a call: of whole conversations, and of the same calls alone."""
    from harness.data.hub import Data
    from harness.testing import TINY, TinyTask

    heard = Heard()
    made, job = job_of(method, args, heard)
    await made.fit(job)
    question = TinyTask(TINY, {}).load(Data()).test[0].question
    await made.answer(question, job)  # the first loads code
    whole, alone = list[float](), list[float]()
    for turn in range(rounds):
        heard.calls.clear()
        began = time.process_time()
        for n in range(questions):
            await made.answer(question.again(turn * questions + n), job)
        calls = list(heard.calls)
        whole.append(1000 * (time.process_time() - began) / len(calls))
        began = time.process_time()
        await asyncio.gather(
            *(
                job.model.generate(c.question, c.messages, draw=n, temperature=1.0)
                for n, c in enumerate(calls)
            )
        )
        alone.append(1000 * (time.process_time() - began) / len(calls))
    job.close()
    return statistics.median(whole), statistics.median(alone)


if __name__ == "__main__":
    raise SystemExit(main())
