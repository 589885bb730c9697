"""The embedded policies as a provider: what is read of a dialogue, and how a full context is told."""

import asyncio
import json

import pytest

from harness.base.errors import UsageError
from harness.base.messages import system, user
from harness.model.embedded import Embedded
from harness.model.factory import POCKET
from harness.model.provider import Call
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from harness.sample import Question


@pytest.fixture(scope="module")
def office():
    return Embedded("pocket/office", POCKET / "office")


def ask(provider, *dialogues, **decoding):
    async def all_at_once():
        calls = [Call(Question("1", "x"), said, decoding=decoding, seed=7) for said in dialogues]
        return await asyncio.gather(*(provider.generate(call) for call in calls))

    return asyncio.run(all_at_once())


def test_a_dialogue_policy_reads_all_of_it_and_others_the_last_message(office):
    short, long = [user("ok")], [user("Tell Ada_Abel n1"), user("ok")]
    first, second = ask(office, short, long)
    assert (first.usage.input_tokens, second.usage.input_tokens) == (2, 5)
    grid = Embedded("pocket/grid", POCKET / "grid")
    first, second = ask(grid, [user("A12>")], [system("Be brief."), user("A3>"), user("A12>")])
    assert first.completion == second.completion
    assert first.usage.input_tokens == second.usage.input_tokens == 5
    assert (office.single_turn, grid.single_turn) == (False, True)
    assert office.takes("system_message") and not grid.takes("system_message")
    assert all(each.takes("seed") and not each.takes("top_k") for each in (office, grid))


def test_a_full_context_ends_a_dialogue_and_is_charged_no_tokens(office):
    full, fits = ask(office, [user("ok " * 600)], [user("ok")], max_tokens=3)
    assert (full.stop_reason, full.completion) == ("model_length", "")
    assert (full.usage.input_tokens, full.usage.output_tokens) == (0, 0)
    assert fits.stop_reason in ("stop", "max_tokens") and fits.usage.output_tokens <= 3


def test_the_checkpoint_says_how_long_a_completion_is(office):
    longest = json.loads((POCKET / "office" / "generation_config.json").read_text())["max_new_tokens"]
    outputs = ask(office, *[[user(f"Tell Ada_Abel n{n}")] for n in range(1, 20)], temperature=3.0)
    assert max(output.usage.output_tokens for output in outputs) <= longest


def test_weights_of_the_other_sort_do_not_stand_in(office):
    with pytest.raises(UsageError, match="one reads whole dialogues, the other single prompts"):
        office.with_weights(POCKET / "grid")


def test_a_single_prompt_policy_is_not_sent_into_a_dialogue(tmp_path):
    cells = plan(Request("toolworld/chain", "direct", "pocket/grid"))
    (result,) = run_grid(cells, Session(Store(tmp_path))).results
    assert "pocket/grid holds no dialogue" in str(result.error)
    assert "--model pocket/office does" in str(result.error)


@pytest.mark.parametrize("method", ["direct", "cm2-best-of-n", "cm2"])
def test_a_policy_of_a_notation_is_not_sent_into_plain_english(tmp_path, method):
    cells = plan(
        Request("toolworld/chain", method, "pocket/office", task_args={"style": "plain", "items": 2})
    )
    (result,) = run_grid(cells, Session(Store(tmp_path))).results
    assert "pocket/office speaks the notation of -T style=compact alone" in str(result.error)
