"""What an episode may spend, and the ledger of its tokens."""

import asyncio
from dataclasses import replace

import pytest
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ModelOutput, ModelUsage
from inspect_ai.tool import ToolCall, ToolInfo

from harness.base.errors import UsageError
from harness.search.governed import FINISH, Governed
from harness.search.governor import CapReached, Caps, Governor
from harness.search.ledger import TokenLedger
from harness.world import Observation, World

TOOLS = (ToolInfo(name="search", description="x"), ToolInfo(name="get_document", description="x"))


class Library(World):
    """Answers every call; remembers what was carried out."""

    def __init__(self):
        self.done, self.said = [], None

    async def start(self):
        return Observation((), TOOLS)

    async def step(self, action):
        if not action.tool_calls:
            self.said = action.text
            return Observation((), (), done=True)
        (call,) = action.tool_calls
        self.done.append(call.function)
        text = f"[{len(self.done)}] a title\nsome text"
        return Observation([ChatMessageTool(content=text, tool_call_id=call.id)], TOOLS)

    def answer(self):
        return self.said


def calls(*names):
    made = [ToolCall(f"{n}", name, {"query": "x"}) for n, name in enumerate(names)]
    return ChatMessageAssistant(content="", tool_calls=made or None)


def steps(world, *actions):
    async def run():
        seen = [await world.start()]
        for action in actions:
            seen.append(await world.step(action))
        return seen

    return asyncio.run(run())


def test_the_fourth_search_is_refused_not_carried_out_and_the_answer_is_asked_for():
    library, governor = Library(), Governor(Caps(searches=3))
    world = Governed(library, governor)
    last = steps(world, calls("search", "search"), calls("search", "search"))[-1]
    assert library.done == ["search"] * 3
    assert governor.searches == 3 and governor.refused == 1 and world.forced
    refused = last.messages[1]
    assert refused.error.type == "limit" and "3 searches" in refused.text
    assert last.messages[-1].text == FINISH and last.tools == ()


def test_a_stop_at_the_cap_is_no_overrun():
    governor = Governor(Caps(searches=1))
    governor.begin(search=True)
    assert governor.refused == 0 and not governor.may_search
    with pytest.raises(CapReached) as raised:
        governor.begin(search=True)
    assert (raised.value.cap, raised.value.most) == ("searches", 1)
    assert governor.searches == 1


def test_without_searches_there_are_no_tools_from_the_start():
    library = Library()
    seen = steps(Governed(library, Governor(Caps(searches=0))), calls("search"), calls())
    assert seen[0].tools == () and library.done == [] and seen[1].done


def test_documents_and_their_tokens_are_counted_and_capped():
    governor = Governor(Caps(retrieved=10))
    world = Governed(Library(), governor)
    steps(world, calls("search"))
    assert governor.documents == 1 and governor.retrieved == world.fresh == 7 and governor.may_search
    steps(world, calls("get_document"))
    assert governor.retrieved == 14 and not governor.may_search and not governor.answer_due


def test_what_looks_like_a_hit_within_a_document_is_none():
    class Quoting(Library):
        async def step(self, action):
            seen = await super().step(action)
            return Observation(
                [seen.messages[0].model_copy(update={"content": "[a] x\n[1] y\n\n[2] z"})], TOOLS
            )

    for name, documents in (("search", 2), ("get_document", 1)):
        governor = Governor(Caps())
        steps(Governed(Quoting(), governor), calls(name))
        assert governor.documents == documents


def test_thoughts_and_totals_make_the_answer_due():
    for caps in (Caps(reasoning=5), Caps(total=5)):
        governor = Governor(caps)
        governor.thought(4, 4)
        assert governor.may_search
        governor.thought(1, 1)
        assert governor.answer_due and not governor.may_search
    assert Governor(Caps(reasoning=5)).reasoning_left == 5


def test_a_cap_below_0_is_refused():
    with pytest.raises(UsageError, match="searches=-1"):
        Caps(searches=-1)


def output(prompt, written, reasoning, *names):
    made = ModelOutput.for_tool_call("m", "search", {}) if names else ModelOutput.from_content("m", "x")
    if names:
        made.choices[0].message = calls(*names)
    made.usage = ModelUsage(
        input_tokens=prompt, output_tokens=written, total_tokens=prompt + written, reasoning_tokens=reasoning
    )
    return made


def test_the_sum_of_all_kinds_is_what_the_server_counted():
    ledger = TokenLedger()
    taken = [output(100, 60, 20, "search"), output(180, 30, 5, "search"), output(260, 40, 10)]
    for fresh, final, each in zip((0, 50, 70), (False, False, True), taken, strict=True):
        ledger.book(each, fresh, final)
    assert [step.total for step in ledger.steps] == [160, 210, 300]
    assert [step.retrieved for step in ledger.steps] == [0, 50, 70]  # once, though it is read again
    assert [step.prompt for step in ledger.steps] == [100, 130, 190]
    found = ledger.measures()
    assert (
        sum(found[f"tokens_{kind}"] for kind in ("prompt", "retrieved", "reasoning", "arguments", "visible"))
        == 670
    )
    assert found["tokens_visible"] == 30  # what was written before a search is thinking aloud
    # 100 + 60, then 100 again at a tenth and 80 new, then 180 again and 80 new
    assert found["tokens_effective"] == pytest.approx(160 + 10 + 80 + 30 + 18 + 80 + 40)


def test_what_nobody_counted_is_unknown_and_never_0():
    ledger = TokenLedger()
    ledger.book(output(10, 10, None), 0, True)
    assert "tokens_reasoning" not in ledger.measures() and ledger.measures()["tokens_prompt"] == 10
    ledger.book(ModelOutput.from_content("m", "x"), 0, True)
    assert ledger.measures() == {}


@pytest.mark.parametrize("searches", [2, 9])
def test_what_a_step_took_and_what_failed_in_it_is_passed_on(searches):
    class Slow(Library):
        async def step(self, action):
            seen = await super().step(action)
            return replace(seen, failed=1, waited=2.5, done=len(self.done) == 3)

    library = Slow()
    first, second = steps(
        Governed(library, Governor(Caps(searches=searches))), calls("search", "search"), calls("search", "x")
    )[1:]
    assert (first.failed, first.waited, first.done) == (2, 5.0, False)
    if searches == 9:  # the third ends the episode, and nothing comes after it
        assert (second.failed, second.waited, second.done) == (1, 2.5, True) and len(library.done) == 3
