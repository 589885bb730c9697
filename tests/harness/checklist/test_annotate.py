"""A model that writes checklists: every reply that is asked for is a draw of its own."""

import asyncio

from inspect_ai.model import ModelOutput

from harness.checklist import Step, Trajectory, Turn
from harness.checklist.annotate import Annotator
from harness.sample import Question


class Says:
    """A model that says what is no checklist."""

    def __init__(self):
        self.draws = []

    async def generate(self, question, talk, *, draw, **how):
        self.draws.append(draw)
        return ModelOutput.from_content("test/model", "not json")


def test_no_attempt_at_any_variant_is_the_draw_of_another():
    model = Says()
    annotator = Annotator(model, attempts=3)
    dialogue = Trajectory([Turn("hi", [Step("yes")])], system="rules")
    for variant in range(4):
        made = asyncio.run(annotator.of_reference(Question("q", "?"), dialogue, variant))
        assert made.checklist is None and made.attempts == 3 and made.faults
    assert sorted(model.draws) == list(range(12))
