"""The numpy decoder against transformers, and that a completion depends on nothing but its own call."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.factory import POCKET
from harness.model.pocket.decoder import PocketModel, log_softmax, pick

FOLDER = POCKET / "grid"
WORDS = "0123456789>|=:,+-*/()AC"


@pytest.fixture(scope="module")
def model():
    return PocketModel.load(FOLDER)


@pytest.fixture(scope="module")
def prompts():
    """Rows of four lengths moved one cell to the right, and a few sums."""
    rng = random.Random(5)
    made = []
    for length in (10, 10, 20, 20, 40):
        rows = ["".join(rng.choice("0002357") for _ in range(length)) for _ in range(4)]
        pairs = "".join(f"{row}>0{row[:-1]}|" for row in rows[:3])
        made.append(f"A{pairs}{rows[3]}>")
    made += [f"C{a},{b},{c}={a + b - c}:" for a, b, c in ((3, 4, 5), (25, 17, 8), (90, 9, 81), (50, 50, 1))]
    return made


def reference():
    """The checkpoint as transformers loads it."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed (extra train)")
    torch.set_num_threads(1)
    network = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    return torch, network.eval(), transformers.AutoTokenizer.from_pretrained(FOLDER)


def test_greedy_completions_and_their_logprobs_are_those_of_transformers(model, prompts):
    torch, network, tokenizer = reference()
    for prompt, made in zip(prompts, model.generate(prompts, max_new_tokens=48), strict=True):
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        assert ids[0].tolist() == model.tokenizer.encode(prompt)
        theirs = network.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=48, do_sample=False
        )[0, ids.shape[1] :]
        assert made.token_ids == theirs.tolist()
        assert made.text == tokenizer.decode(theirs, skip_special_tokens=True)
        with torch.no_grad():
            logits = network(torch.cat([ids[0], theirs])[None]).logits[0].double()
        wanted = torch.log_softmax(logits, -1)[ids.shape[1] - 1 : -1].gather(1, theirs[:, None])[:, 0]
        assert np.abs(np.array(made.logprobs) - wanted.numpy()).max() < 1e-4


@pytest.fixture(scope="module")
def their_tokenizer():
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra train)")
    return tokenizers.Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.sampled_from(["", "<eos>", "<bos>", "<pad", "<unk>"]))
def test_token_ids_are_those_of_transformers(model, their_tokenizer, words, special):
    text = words + special + "A0>"
    ids = model.tokenizer.encode(text)
    assert ids == their_tokenizer.encode(text).ids
    assert model.tokenizer.decode(ids) == their_tokenizer.decode(ids)


def test_the_chat_template_is_the_last_turn_of_the_user(model):
    pytest.importorskip("transformers", reason="transformers is not installed (extra train)")
    from transformers import AutoTokenizer

    turns = [("system", "Be brief."), ("user", "A1>"), ("assistant", "1"), ("user", "A2>")]
    chat = [{"role": role, "content": content} for role, content in turns]
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == model.tokenizer.encode("A2>")


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("top_p", [1.0, 0.8])
def test_a_completion_depends_on_its_own_call_alone(model, prompts, temperature, top_p):
    def complete(indices):
        return model.generate(
            [prompts[i] for i in indices],
            max_new_tokens=44,
            temperature=temperature,
            top_p=top_p,
            seeds=[1000 + i for i in indices],
        )

    everything = list(range(len(prompts)))
    together = complete(everything)
    alone = [complete([i])[0] for i in everything]
    assert together == alone  # texts, tokens and every bit of the log-probabilities
    rng = random.Random(7)
    for size in (2, 5):
        order = rng.sample(everything, len(everything))
        for start in range(0, len(order), size):
            part = order[start : start + size]
            assert complete(part) == [together[i] for i in part]
    doubled = everything * 3
    assert complete(doubled) == [together[i] for i in doubled]


def test_a_batch_larger_than_is_decoded_at_once_changes_nothing(model, prompts, monkeypatch):
    many = [prompts[i % len(prompts)] for i in range(150)]
    seeds = list(range(150))
    at_once = model.generate(many, temperature=1.0, seeds=seeds, max_new_tokens=44)
    monkeypatch.setattr("harness.model.pocket.decoder.BATCH", 5)
    assert model.generate(many, temperature=1.0, seeds=seeds, max_new_tokens=44) == at_once


def test_seeds_make_the_difference(model):
    # an open question, so that the policy is unsure
    texts = [g.text for g in model.generate(["A1230>"] * 30, temperature=1.0, seeds=list(range(30)))]
    again = [g.text for g in model.generate(["A1230>"] * 30, temperature=1.0, seeds=list(range(30)))]
    same = [g.text for g in model.generate(["A1230>"] * 30, temperature=1.0, seeds=[3] * 30)]
    assert texts == again
    assert len(set(texts)) > 5
    assert set(same) == {texts[3]}


def test_tokens_are_drawn_in_proportion(model):
    logprobs = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    rng = np.random.default_rng(0)
    drawn = Counter(pick(logprobs, 1.0, 1.0, rng) for _ in range(20_000))
    assert [drawn[i] / 20_000 for i in range(4)] == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.015)
    nucleus = Counter(pick(logprobs, 1.0, 0.7, rng) for _ in range(20_000))
    assert [nucleus[i] / 20_000 for i in range(4)] == pytest.approx([0.625, 0.375, 0, 0], abs=0.015)
    assert {pick(logprobs, 1.0, 0.01, rng) for _ in range(100)} == {0}
    sharper = Counter(pick(logprobs, 0.5, 1.0, rng) for _ in range(20_000))
    weights = np.array([0.5, 0.3, 0.15, 0.05]) ** 2
    assert [sharper[i] / 20_000 for i in range(4)] == pytest.approx(weights / weights.sum(), abs=0.015)
    assert {pick(logprobs, 1e-6, 1.0, rng) for _ in range(100)} == {0}


def test_logprobs_of_a_given_completion_are_those_of_generating_it(model, prompts):
    for prompt in prompts[::2]:
        (made,) = model.generate([prompt], max_new_tokens=44)
        stopped = made.finish_reason == "stop"
        assert model.logprobs(prompt, made.text, end=stopped) == pytest.approx(made.logprobs, abs=1e-4)
        assert len(model.logprobs(prompt, made.text)) == len(made.text)
    assert model.logprobs("A1>", "") == []
    with pytest.raises(ValueError, match="context"):
        model.logprobs("A" * 300, "1" * 100)


def test_all_characters_are_taken(model):
    hostile = ["", "é", "\x00\n\t", "\ud800", "😀" * 10, "<eos>", "Which row comes next?", "1" * 10_000]
    for made in model.generate(hostile, max_new_tokens=5, temperature=1.0, seeds=range(8)):
        assert 1 <= len(made.token_ids) <= 5
        assert set(made.text) <= set(WORDS)


def test_where_the_context_ends(model):
    context = model.network.context
    fits, full, long = model.generate(
        ["1" * (context - 45), "1" * (context - 2), "1" * context], max_new_tokens=44
    )
    assert not fits.truncated
    assert fits.prompt_tokens == context - 44
    assert full.finish_reason in ("context", "stop")
    assert (len(full.token_ids), full.truncated) == (1, False)
    assert long.truncated
    assert long.prompt_tokens == context - 44
    for made in (fits, full, long):
        assert made.prompt_tokens + len(made.token_ids) <= context
    (short,) = model.generate(["A12>"], max_new_tokens=1)
    assert short.finish_reason in ("length", "stop")
    (huge,) = model.generate(["A" * 5000], max_new_tokens=10_000, temperature=1.0, seeds=[1])
    assert huge.finish_reason in ("context", "stop")
    assert huge.prompt_tokens == context - context // 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"temperature": 1.0},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"max_new_tokens": 0},
        {"seeds": [1, 2]},
    ],
)
def test_settings_out_of_range(model, wrong):
    with pytest.raises(ValueError):
        model.generate(["A1>"], **wrong)


def test_no_prompts(model):
    assert model.generate([]) == []


def test_log_softmax_sums_to_one():
    table = log_softmax(np.array([[1000.0, 0.0, -1000.0], [1.0, 1.0, 1.0]], np.float32))
    assert np.exp(table).sum(1) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("key", "value"), [("model_type", "mistral"), ("hidden_act", "gelu"), ("num_key_value_heads", 1)]
)
def test_another_architecture_is_refused(tmp_path, key, value):
    for file in FOLDER.iterdir():
        shutil.copy(file, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(ValueError):
        PocketModel.load(tmp_path)


def test_the_checkpoint_is_small_and_says_how_it_was_made():
    files = list(FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) < 4_000_000
    assert all(file.stat().st_mode & 0o044 for file in files)
    facts = json.loads((FOLDER / "training.json").read_text())
    assert 100_000 <= facts["parameters"] <= 1_000_000


def test_decoding_imports_no_training_framework():
    program = (
        "import sys\n"
        "from harness.model.pocket.decoder import PocketModel\n"
        f"made = PocketModel.load({str(FOLDER)!r}).generate(['A12>'], max_new_tokens=4)\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'inspect_ai', 'pandas'} & set(sys.modules)\n"
        "print(len(made), sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 []"
