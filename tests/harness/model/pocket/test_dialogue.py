"""Policies that read whole dialogues: as transformers has them, and nothing else changes a completion."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.factory import POCKET
from harness.model.pocket.checkpoint import chat_template, load_policy
from harness.model.pocket.decoder import PocketModel
from harness.model.pocket.dialogue import DialogueModel

FOLDER = POCKET / "office"
VOCABULARY = list(json.loads((FOLDER / "tokenizer.json").read_text())["model"]["vocab"])
WORDS = VOCABULARY[4:]

words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
dialogues = st.lists(words, min_size=1, max_size=12)
#: texts that nobody should send: other words, white space of all kinds, names of special tokens
texts = st.lists(
    st.one_of(
        st.sampled_from([*WORDS[:20], *VOCABULARY[:4], "<eos", "\u2003", "\x1c", "\x85", "\t\n"]),
        st.text(max_size=6).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    ),
    max_size=8,
).map("".join)


def messages(said, first="user"):
    """Messages of two sides in turn."""
    roles = ("user", "assistant") if first == "user" else ("assistant", "user")
    return [SimpleNamespace(role=roles[n % 2], text=text) for n, text in enumerate(said)]


@pytest.fixture(scope="module")
def model():
    return load_policy(FOLDER)


def fresh(model, kept=64_000_000):
    """The same policy that has read nothing yet."""
    return DialogueModel(model.network, model.tokenizer, kept)


@pytest.fixture(scope="module")
def their_tokenizer():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed (extra train)")
    return transformers.AutoTokenizer.from_pretrained(FOLDER)


@settings(max_examples=150, deadline=None)
@given(texts)
def test_token_ids_are_those_of_transformers(model, their_tokenizer, text):
    ids = model.tokenizer.encode(text)
    assert ids == their_tokenizer(text)["input_ids"]
    assert model.tokenizer.decode(ids) == their_tokenizer.decode(ids, skip_special_tokens=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), texts), max_size=6))
def test_a_dialogue_is_rendered_as_by_the_chat_template(model, their_tokenizer, said):
    pytest.importorskip("jinja2", reason="jinja2 is not installed (extra web)")
    chat = [{"role": role, "content": text} for role, text in said]
    theirs = their_tokenizer.apply_chat_template(chat, return_dict=False) if chat else [1]
    ours = [SimpleNamespace(role=role, text=text) for role, text in said]
    assert list(model.prompt(ours)) == list(theirs)


def test_logprobs_are_those_of_transformers(model):
    torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed (extra train)")
    torch.set_num_threads(1)
    network = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
    rng = np.random.default_rng(0)
    said = [" ".join(rng.choice(WORDS, 4)) for _ in range(40)]
    prompts = [model.prompt(messages(said[:end])) for end in (1, 3, 13, 39)]
    for prompt, made in zip(prompts, model.generate(prompts, temperature=1.0, seeds=range(4)), strict=True):
        ids = torch.tensor([[*prompt, *made.token_ids]])
        with torch.no_grad():
            table = torch.log_softmax(network(ids).logits[0].double(), -1)
        wanted = table[len(prompt) - 1 : -1].gather(1, ids[0, len(prompt) :, None])[:, 0]
        assert np.abs(np.array(made.logprobs) - wanted.numpy()).max() < 1e-4


@settings(max_examples=12, deadline=None)
@given(st.lists(dialogues, min_size=1, max_size=6), st.sampled_from([0.0, 1.0]), st.integers(0, 9))
def test_neither_the_batch_nor_what_was_read_before_changes_a_completion(model, said, temperature, seed):
    """Dialogues that go on turn by turn with the policy's own words, in one batch and with what it kept; then
    every call once more alone, by a policy that has read nothing."""
    policy, calls = fresh(model), []
    talks = [messages(lines) for lines in said]
    for turn in range(3):
        prompts = [policy.prompt(talk) for talk in talks]
        seeds = [seed + 100 * turn + n for n in range(len(talks))]
        made = policy.generate(prompts, max_new_tokens=7, temperature=temperature, seeds=seeds)
        calls += zip(prompts, seeds, made, strict=True)
        for talk, generation, lines in zip(talks, made, said, strict=True):
            talk += messages([generation.text, lines[0]], first="assistant")
    for prompt, one, generation in calls:
        alone = fresh(model).generate([prompt], max_new_tokens=7, temperature=temperature, seeds=[one])
        assert alone == [generation]  # texts, tokens and every bit of the log-probabilities


def test_only_new_tokens_are_read(model, monkeypatch):
    policy = fresh(model)
    policy.network = SimpleNamespace(**vars(model.network))
    read = []
    advance = model.network.advance
    policy.network.advance = lambda ids, *rest: read.append(len(ids)) or advance(ids, *rest)
    policy.network.logits = lambda hidden: np.eye(1, len(VOCABULARY), 2, np.float32).repeat(len(hidden), 0)
    policy.network.cache = model.network.cache
    talk = messages(["Tell Ada_Abel n1"])
    counts = []
    for _ in range(3):
        read.clear()
        (made,) = policy.generate([policy.prompt(talk)])
        counts.append(sum(read))
        talk += messages([made.text, "P1 P2"], first="assistant")
    assert counts == [4, 3, 3]  # <bos> and the request; then <eos> and the result


def test_what_is_kept_is_bounded_and_the_least_used_goes_first(model):
    said = [f"Tell Ada_Abel n{n}" for n in range(1, 30)]
    big = fresh(model)
    prompts = [big.prompt(messages([line])) for line in said]
    wanted = big.generate(prompts)
    ended = sum(made.finish_reason == "stop" for made in wanted)
    assert len(big._kept._tables) == ended
    small = fresh(model, kept=20_000)
    assert small.generate(prompts) == wanted
    sizes = [sum(table.nbytes for table in tables) for tables in small._kept._tables.values()]
    assert sum(sizes) == small._kept._bytes <= 20_000
    assert list(small._kept._tables) == list(big._kept._tables)[len(big._kept._tables) - len(sizes) :]


def test_a_batch_larger_than_is_decoded_at_once_changes_nothing(model, monkeypatch):
    prompts = [model.prompt(messages([word] * (1 + n % 5))) for n, word in enumerate(WORDS[:90])]
    at_once = fresh(model).generate(prompts, temperature=1.0, seeds=range(90))
    monkeypatch.setattr("harness.model.pocket.dialogue.BATCH", 7)
    assert fresh(model).generate(prompts, temperature=1.0, seeds=range(90)) == at_once


def test_where_the_context_ends(model):
    context = model.network.context
    long = [
        model.prompt(messages(["ok " * (size - 1)])) for size in (context - 2, context - 1, context, 5000)
    ]
    made = fresh(model).generate(long, max_new_tokens=8, temperature=1.0, seeds=range(4))
    assert [one.prompt_tokens for one in made] == [len(prompt) for prompt in long]
    for one, prompt in zip(made[:2], long, strict=False):
        assert 1 <= len(one.token_ids) <= context - len(prompt)
        assert one.finish_reason == ("stop" if one.token_ids[-1] == model.tokenizer.eos else "context")
    for one in made[2:]:
        assert (one.finish_reason, one.token_ids, one.text) == ("context", [], "")


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"temperature": 1.0}, {"max_new_tokens": 0}])
def test_settings_out_of_range(model, wrong):
    with pytest.raises(ValueError):
        model.generate([(1, 5)], **wrong)


@pytest.fixture
def folder(tmp_path):
    for file in FOLDER.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


def test_the_chat_template_may_stand_in_a_file_of_its_own(folder):
    document = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "chat_template.jinja").write_text(document.pop("chat_template"))
    (folder / "tokenizer_config.json").write_text(json.dumps(document))
    assert chat_template(folder) == chat_template(FOLDER)
    assert isinstance(load_policy(folder), DialogueModel)
    assert isinstance(load_policy(POCKET / "grid"), PocketModel)


def test_other_templates_and_tokenizers_are_refused(folder):
    (folder / "chat_template.jinja").write_text("{{ messages[-1].content }}")
    with pytest.raises(ValueError, match="chat template"):
        load_policy(folder)
    document = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**document, "pre_tokenizer": {"type": "ByteLevel"}}))
    with pytest.raises(ValueError, match="neither characters nor words"):
        load_policy(folder)


def test_vllm_serves_it(model):
    vllm = pytest.importorskip("vllm", reason="vLLM is not installed")
    server = vllm.LLM(str(FOLDER), dtype="float32", enforce_eager=True)
    talks = [messages([line]) for line in ("Tell Ada_Abel n1", "Count Luis_Haas", "Notify R3 n2")]
    chats = [[{"role": m.role, "content": m.text} for m in talk] for talk in talks]
    greedy = vllm.SamplingParams(temperature=0, max_tokens=8)
    made = server.chat(chats, greedy, add_generation_prompt=False)
    prompts = [model.prompt(talk) for talk in talks]
    assert [tuple(one.prompt_token_ids) for one in made] == prompts
    ours = [one.text for one in model.generate(prompts, max_new_tokens=8)]
    assert [one.outputs[0].text.strip() for one in made] == ours
