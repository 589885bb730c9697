"""Training on one's own dialogues as typed: the launch on a cluster, imitation, reinforcement by a judge."""

import json

import pytest

from tests.harness.cli.test_dialogues import Office, dialogue

ROWS = [dialogue(f"d{n}") for n in range(5)]
#: in the form of Qwen's: marks of roles, tools in the system's part, calls as JSON
TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% for tool in tools %}{{ tool.function.name }} {% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{{ call.function | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A chat model of Qwen's form with random weights, as the Hub has them, whose tokens are bytes."""
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    words = [*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=marks[0],
        eos_token=marks[2],
        additional_special_tokens=marks[1:2],
        chat_template=TEMPLATE,
    )
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=2,
    )
    out = tmp_path_factory.mktemp("tiny")
    Qwen2ForCausalLM(config).save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


@pytest.fixture
def train(command, tmp_path, monkeypatch, endpoint):
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address)
    (tmp_path / "DIALOGUES.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def run(*more):
        return command("train", "--task", "dialogues/custom", "-T", "data=DIALOGUES.jsonl", *more)

    return run


def test_the_launch_on_a_cluster_as_typed(train):
    judge = "vllm/Qwen/Qwen3-30B-A3B-Instruct-2507"
    asked = ("--method", "cm2", "--model", "hf/Qwen/Qwen3-8B", "--role", f"judge={judge}")
    done = train(*asked, "--backend", "verl", "--print")
    assert done.code == 0, done.err
    assert "actor_rollout_ref.model.path=Qwen/Qwen3-8B" in done.out and "data.train_batch_size=3" in done.out
    shown = done.out.partition("# agent_loop.yaml\n")[2].partition("\n# plan.json")[0]
    (entry,) = json.loads(shown)
    loop = json.loads(entry["settings"])
    assert loop["roles"] == {"judge": judge, "simulator": judge} and loop["judged"] is True
    assert done.out.count('"data_source": "harness/dialogues/custom"') == 3 + 3
    refused = train("--method", "sft", "--model", "hf/Qwen/Qwen3-8B", "--backend", "verl", "--print")
    assert refused.code == 2 and "'sft' can't be trained by verl" in refused.err


def on_this_machine(folder):
    return ("--model", "hf/tiny", "--model-arg", f"model_path={folder}", "--model-arg", "device=cpu")


JUDGE = ("--role", "judge=openai-api/local/judge", "--role-arg", "timeout=5")
SMALL = ("-M", "steps=1", "-M", "prompts=1", "-M", "rollouts=2", "-M", "context=1024", "-M", "max_tokens=3")


def test_reference_dialogues_are_imitated(train, folder, tmp_path):
    hub = on_this_machine(folder)
    done = train("--method", "sft", *hub, *JUDGE, *SMALL, "-M", "rate=0.01", "--to", "policy")
    assert done.code == 0, done.err
    facts = json.loads((tmp_path / "policy/training.json").read_text())
    assert (facts["method"], facts["steps"], facts["from"]) == ("sft", 1, "hf/tiny")
    said = train("--method", "sft", *hub, *JUDGE, *SMALL[:-4], "-M", "context=20", "--to", "short")
    assert said.code == 2 and "tokens, and the context is 20; -M context=N takes more" in said.err


def test_a_judge_s_checklist_trains_through_trl(train, folder, tmp_path, endpoint):
    office = Office(endpoint)
    office.judge = lambda text: (
        len(office.asked) % 2 == 0
    )  # a random policy alone earns nothing to learn from
    done = train(
        "--method", "cm2", *on_this_machine(folder), *JUDGE, *SMALL, "-M", "engine=trl", "--to", "policy"
    )
    assert done.code == 0, done.err
    assert office.of("judge") and not office.of("agent")
    facts = json.loads((tmp_path / "policy/training.json").read_text())
    (row,) = map(json.loads, (tmp_path / "policy/curve.jsonl").read_text().splitlines())
    assert facts["usage"]["judge"]["calls"] == len(office.of("judge")) == row["judge_calls"]
    assert row["rollouts"] == 2 and row["reward"] is not None
