"""CM2 behind verl: the files of a launch, an episode as tokens, and the agent loop against stubs of verl."""

import asyncio
import importlib
import json
import re
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import yaml
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser

from harness.base.errors import UsageError
from harness.checklist.judge_prompt import FIELDS
from harness.methods.cm2 import verl, verl_loop
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.verl_tokens import Tokens
from harness.registry import registry
from harness.sample import Question, Sample

ITEM = {
    "id": "C0",
    "evidence": [],
    "focus_on": "assistant.content.user_visible_reply",
    "question": "Is the sky told?",
    "pass_condition": "It says grey.",
    "failure_examples": [],
    "required_for_next_turn": False,
    "dependence": [],
    "weight": 1.0,
}
TARGET = {
    "id": "d",
    "messages": [
        {"role": "user", "content": "The sky?"},
        {"role": "assistant", "content": "", "calls": [{"id": "c", "name": "look", "arguments": {"n": 1}}]},
        {"role": "tool", "content": '{"sky": "grey"}', "of": "c"},
        {"role": "assistant", "content": "Grey."},
        {"role": "user", "content": "Thanks."},
        {"role": "assistant", "content": "Welcome."},
    ],
    "tools": {
        "look": {
            "name": "look",
            "description": "",
            "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}},
        }
    },
    "checklist": [
        [{**ITEM, "evidence": [{"turn": 0, "step": 3, "from": ITEM["focus_on"], "snippet": "Grey"}]}],
        [{**ITEM, "evidence": [{"turn": 1, "step": 1, "from": ITEM["focus_on"], "snippet": "Welcome"}]}],
    ],
}
SAMPLE = Sample(Question("d", "The sky?", metadata={"turns": 2}), TARGET)
YES = "echo/" + json.dumps({**dict.fromkeys(FIELDS, "so"), "answer": True})


def files(roles=None, samples=(SAMPLE,), plan=None, **settings):
    arguments = registry().task("dialogues/custom").arguments({"unseen": "error"})
    return verl.launch(
        task="dialogues/custom",
        task_args=arguments,
        samples=samples,
        plan=plan or {},
        seed=7,
        model="Qwen/Qwen3-8B",
        roles={"judge": YES} if roles is None else roles,
        settings=settings,
    )


def options(script):
    return dict(re.findall(r"^    ([\w.]+)=(\S+)", script, re.MULTILINE))


def test_a_launch_says_the_paper_s_numbers(tmp_path):
    made = files(samples=[SAMPLE] * 200)
    found = options(made["launch.sh"])
    assert found["actor_rollout_ref.rollout.n"] == "48" and found["data.train_batch_size"] == "128"
    assert float(found["actor_rollout_ref.actor.optim.lr"]) == 3e-6
    assert float(found["actor_rollout_ref.actor.kl_loss_coef"]) == 1e-3
    assert found["actor_rollout_ref.actor.loss_agg_mode"] == "token-mean"
    assert found["algorithm.norm_adv_by_std_in_grpo"] == "false"
    assert (found["data.max_prompt_length"], found["data.max_response_length"]) == ("4000", "8000")
    assert found["actor_rollout_ref.actor.ppo_mini_batch_size"] == "128"
    assert found["actor_rollout_ref.rollout.agent.default_agent_loop"] == verl.LOOP
    script = tmp_path / "launch.sh"
    script.write_text(made["launch.sh"])
    subprocess.run(["sh", "-n", script], check=True)


def test_sizes_of_a_plan_win_over_those_of_the_script():
    made = files(samples=[SAMPLE] * 3, preset="script", plan={"rollouts": 8, "context": 1})
    found = options(made["launch.sh"])
    assert (found["actor_rollout_ref.rollout.n"], found["data.train_batch_size"]) == ("8", "3")
    assert float(found["actor_rollout_ref.actor.kl_loss_coef"]) == 1e-4
    assert found["algorithm.rollout_correction.rollout_is_threshold"] == "2.0"


def test_rows_and_the_loop_s_file_hold_all_that_an_episode_needs():
    made = files(role_args={"base_url": "http://x/v1", "api_key": "hidden"})
    (row,) = map(json.loads, made["train.json"].splitlines())
    assert row["agent_name"] == verl.LOOP and row["prompt"][0]["content"] == "The sky?"
    again = verl_loop.sample_of(row["extra_info"]["sample"])
    assert again == SAMPLE and again.digest() == SAMPLE.digest()
    (entry,) = yaml.safe_load(made["agent_loop.yaml"])
    module, name = entry["_target_"].rsplit(".", 1)
    assert entry["name"] == verl.LOOP and hasattr(importlib.import_module(module), name)
    kept = json.loads(entry["settings"])
    assert kept["roles"] == {"judge": YES} and kept["seed"] == 7 and kept["rule"]["level"] == "trajectory"
    assert kept["role_args"] == {"base_url": "http://x/v1"} and "hidden" not in str(made)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"samples": ()}, "no training samples"),
        ({"preset": "mine"}, "preset is one of paper, script"),
        ({"rule": {"level": "turn"}}, "--backend trl"),
    ],
)
def test_what_can_not_be_launched_is_said(more, message):
    with pytest.raises(UsageError, match=message):
        files(**more)


class Tokenizer:
    """A token a character, and one for each mark; a template in Qwen's form."""

    eos_token, eos_token_id, all_special_ids = "<|im_end|>", 1, (0, 1)
    _marks = ("<|im_start|>", "<|im_end|>")

    def apply_chat_template(self, messages, tools=None, add_generation_prompt=False, tokenize=False):
        text = f"[{len(tools)} tools]" if tools else ""
        for each in messages:
            text += f"<|im_start|>{each['role']}\n{each['content']}<|im_end|>\n"
        return text + "<|im_start|>assistant\n" * add_generation_prompt

    def __call__(self, text, add_special_tokens=False):
        return {"input_ids": self.encode(text)}

    def encode(self, text):
        parts = re.split(r"(<\|im_start\|>|<\|im_end\|>)", text)
        return [
            token
            for part in parts
            for token in ([self._marks.index(part)] if part in self._marks else [ord(c) + 2 for c in part])
        ]

    def decode(self, ids, skip_special_tokens=False):
        return "".join(
            chr(each - 2) if each > 1 else "" if skip_special_tokens else self._marks[each] for each in ids
        )


def test_what_the_policy_wrote_stays_token_by_token():
    made, tokens = Tokenizer(), Tokens(Codec(Tokenizer()), 100, 400)
    seen = [ChatMessageUser(content="Hi")]
    tokens.read(seen, ())
    assert made.decode(tokens.prompt) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    drawn = [*made.encode("<think>a</think>b"), 1]
    assert tokens.write(drawn, [-1.0] * len(drawn)) == "<think>a</think>b"
    seen += [ChatMessageAssistant(content="b"), ChatMessageTool(content="r", tool_call_id="c")]
    tokens.read(seen, ())
    world = "\n<|im_start|>tool\nr<|im_end|>\n<|im_start|>assistant\n"
    assert made.decode(tokens.ids) == f"<think>a</think>b<|im_end|>{world}"
    assert tokens.own == [True] * len(drawn) + [False] * len(made.encode(world))
    assert sum(tokens.logprobs) == -len(drawn) and len(tokens.logprobs) == len(tokens.ids)
    tokens.write(made.encode("cut off"), [0.0] * 7)  # without the mark of a turn's end
    tokens.read([*seen, ChatMessageAssistant(content="cut off"), ChatMessageUser(content="so")], ())
    assert made.decode(tokens.ids).endswith(
        "cut off<|im_end|>\n<|im_start|>user\nso<|im_end|>\n<|im_start|>assistant\n"
    )


def test_nothing_goes_past_the_limits():
    made, tokens = Tokenizer(), Tokens(Codec(Tokenizer()), 100, 10)
    tokens.read([ChatMessageUser(content="Hi")], ())
    assert not tokens.full and tokens.write(made.encode("x" * 11), None) is None
    assert len(tokens.ids) == len(tokens.own) == 10 and tokens.full and tokens.logprobs is None
    small = Tokens(Codec(Tokenizer()), 5, 10)
    small.read([ChatMessageUser(content="Hi")], ())
    assert not small.fits and small.full


class Server:
    """Draws the next scripted completion; keeps what it was asked."""

    def __init__(self, *texts):
        self.texts, self.asked = list(texts), []

    async def generate(self, *, request_id, prompt_ids, sampling_params):
        self.asked.append((request_id, list(prompt_ids)))
        ids = [*Tokenizer().encode(self.texts[(len(self.asked) - 1) % len(self.texts)]), 1]
        return SimpleNamespace(token_ids=ids, log_probs=[-0.5] * len(ids))


@pytest.fixture
def loop(monkeypatch):
    """The agent loop on stubs of verl's classes, with the settings that a launch wrote."""
    stub = ModuleType("verl.experimental.agent_loop.agent_loop")

    class Base:
        def __init__(self, trainer_config, server_manager, tokenizer, processor, **named):
            self.config, self.server_manager, self.tokenizer = (
                trainer_config.config,
                server_manager,
                tokenizer,
            )

    stub.AgentLoopBase, stub.AgentLoopOutput = Base, SimpleNamespace
    for name in ("verl", "verl.experimental", "verl.experimental.agent_loop"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    module = importlib.reload(verl_loop)

    def run(server, made, prompt=500, response=2000):
        (entry,) = yaml.safe_load(made["agent_loop.yaml"])
        (row,) = map(json.loads, made["train.json"].splitlines())
        rollout = SimpleNamespace(prompt_length=prompt, response_length=response)
        config = SimpleNamespace(config=SimpleNamespace(actor_rollout_ref=SimpleNamespace(rollout=rollout)))

        async def play():
            playing = module.WorldLoop(config, server, Tokenizer(), None, settings=entry["settings"])
            return await playing.run({"temperature": 1.0}, raw_prompt=row["prompt"], **row)

        return asyncio.run(play())

    yield run
    monkeypatch.undo()
    importlib.reload(verl_loop)


LOOK = '<think>a</think><tool_call>\n{"name": "look", "arguments": {"n": 1}}\n</tool_call>'


def test_the_loop_plays_the_world_and_rewards_it(loop):
    server = Server(LOOK, "Grey.", "Bye.")
    made = loop(server, files())
    assert made.reward_score == 1.0 and len(server.asked) == 3
    assert len({request for request, _ in server.asked}) == 1
    assert server.asked[-1][1] == (made.prompt_ids + made.response_ids)[: len(server.asked[-1][1])]
    text = Tokenizer().decode(made.response_ids)
    assert text.startswith(LOOK) and '{"sky": "grey"}' in text and "user\nThanks." in text
    own = [token for token, mask in zip(made.response_ids, made.response_mask, strict=True) if mask]
    assert Tokenizer().decode(own) == f"{LOOK}<|im_end|>Grey.<|im_end|>Bye.<|im_end|>"
    assert len(made.response_logprobs) == len(made.response_ids)
    assert made.extra_fields["reward_extra_info"]["actions"] == 3.0


def test_turns_not_reached_cost_and_a_judge_may_say_no(loop):
    cut = loop(Server(LOOK, "Grey.", "Bye."), files(), response=len(LOOK) + 60)
    assert cut.reward_score < 1.0 and cut.extra_fields["reward_extra_info"]["cut"] == 1.0
    assert len(cut.response_ids) == len(LOOK) + 60
    never = loop(Server("No."), files(roles={"judge": YES.replace("true", "false")}))
    assert never.reward_score == 0.0 and sum(never.response_mask) > 0


def test_a_judge_that_fails_teaches_nothing(loop):
    server = Server("Grey.", "Bye.")
    made = loop(server, files(roles={"judge": "echo/nonsense"}))
    said = made.extra_fields["reward_extra_info"]
    assert (made.reward_score, said["failed"], said["played"]) == (0.0, 1.0, verl_loop.TRIES)
    assert sum(made.response_mask) == 0 and len(server.asked) == 2 * verl_loop.TRIES


def test_a_prompt_past_the_limit_is_left_out(loop):
    server = Server("Grey.")
    made = loop(server, files(), prompt=5)
    assert server.asked == [] and len(made.prompt_ids) == 5
    assert made.response_ids == [1] and made.response_mask == [0] and made.reward_score == 0.0


def test_arguments_of_the_method_become_a_launch():
    job = SimpleNamespace(
        task_name="dialogues/custom",
        task_args=registry().task("dialogues/custom").arguments({"unseen": "error"}),
        data=SimpleNamespace(train=[SAMPLE]),
        model=SimpleNamespace(name="hf/Qwen/Qwen3-8B"),
        roles={"judge": YES},
        seed=3,
    )
    made = verl.launch_of({"rollouts": 24, "rate": 0.0, "gate": "strict", "votes": 3}, job, judged=True)
    found, plan = options(made["launch.sh"]), json.loads(made["plan.json"])
    assert found["actor_rollout_ref.model.path"] == "Qwen/Qwen3-8B"
    assert (found["actor_rollout_ref.rollout.n"], plan["rate"]) == ("24", 3e-6)
    assert (plan["rule"]["gate"], plan["votes"], plan["judged"], plan["seed"]) == ("strict", 3, True, 3)
    with pytest.raises(UsageError, match="-M flip=0.2 is for training here"):
        verl.launch_of({"flip": 0.2}, job, judged=True)


def test_a_task_with_rules_needs_no_judge(loop):
    from harness.data.hub import Data
    from harness.registry import load_task

    spec = registry().task("toolworld/chain")
    arguments = spec.arguments({"train": 2})
    sample = load_task(spec, arguments).load(Data()).train[0]
    made = verl.launch(
        task="toolworld/chain",
        task_args=arguments,
        samples=[sample],
        plan={},
        seed=0,
        model="m",
        roles={},
        settings={},
    )
    played = loop(Server("Done."), made, prompt=20_000, response=20_000)
    assert 0 <= played.reward_score < 1 and played.extra_fields["reward_extra_info"]["failed"] == 0.0
    assert sum(played.response_mask) > 0
