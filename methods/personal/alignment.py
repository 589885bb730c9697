"""Alignment of a persona at test time: Algorithm 1 of PersonaAgent (arXiv 2506.06254), as second-hand notes
have it; its text was not at hand.

    for e in 1..E:
        simulate the answers to a batch of the user's own interactions, with the persona as it is
        for each, let the model say how the persona should change, given the user's true answer
        let the model rewrite the persona once, from all that was said

Of the source: the batch is the latest n. Ours: temperature and steps of the run; retrieval is on while
simulating, but the simulated interaction is not in the index; a rewrite without text leaves the persona as
it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from harness import personal
from harness.data.history import Interaction, Past
from harness.job import Job
from harness.sample import Question

#: under which purpose the cost of alignment is booked
PURPOSE = "align"
#: from an interaction and a persona to what the agent answers
Simulate = Callable[[Interaction, str], Awaitable[str]]


async def align(
    persona: str,
    batch: Sequence[Interaction],
    past: Past,
    job: Job,
    simulate: Simulate,
    iterations: int,
    characters: int,
) -> str:
    """The persona after so many iterations over a batch; at most `characters` long.

    Raises:
        ModelCallError: a call failed for good.
    """
    for round_ in range(iterations if batch else 0):

        async def judged(event: Interaction, now: str) -> str:
            said = await simulate(event, now)
            asked = personal.feedback_prompt(event.query, event.response, said)
            output = await job.model.generate(past.question(event), asked, purpose=PURPOSE)
            return output.completion

        feedback = await asyncio.gather(*(judged(event, persona) for event in batch))
        asked = personal.rewrite_prompt(persona, feedback)
        question = Question(f"{past.user}/rewrite {round_ + 1}", "")
        output = await job.model.generate(question, asked, purpose=PURPOSE)
        persona = personal.cut(output.completion, characters) or persona
    return persona
