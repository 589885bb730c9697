"""A method that asks a person through its world, and looks for more of it."""

from harness import Method
from harness.episode import play


class Asker(Method):
    """Asks one question and gives up."""

    needs = ("world", "human")
    model = False

    async def answer(self, question, job):
        from inspect_ai.model import ChatMessageAssistant, ModelOutput
        from inspect_ai.tool import ToolCall

        try:
            job.role("human")
        except Exception as error:
            assert "by the tools of the world alone" in str(error)
        else:
            raise AssertionError("a method holds the person")
        told = job._models.roles["human"].provider
        assert job.has_role("human") and not hasattr(told, "settings") and not hasattr(told, "arguments")
        asked = {"question": "Which city, day, size, floor, view or table?"}
        moves = iter([ChatMessageAssistant(content="", tool_calls=[ToolCall("c", "ask_human", asked)])])

        async def act(seen, tools):
            return ModelOutput.from_message(next(moves, ChatMessageAssistant(content="No.")))

        world = job.world(question)
        assert world.waits_for_people
        return await play(question, world, act)
