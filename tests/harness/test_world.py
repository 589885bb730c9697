"""A world around another is, but for what it changes, the inner one."""

import asyncio

from harness.world import Limits, World, WorldWrapper


class Inner(World):
    limits, mended, waits_for_people = Limits(steps=7), True, True
    closed = False

    def answer(self):
        return "said"

    async def close(self):
        self.closed = True


def test_a_wrapper_passes_on_what_it_does_not_change():
    inner = Inner()
    around = WorldWrapper(WorldWrapper(inner))
    assert around.limits.steps == 7 and around.mended and around.waits_for_people
    inner.user_retries = 2
    assert around.user_retries == 2 and around.answer() == "said"
    asyncio.run(around.close())
    assert inner.closed
