"""Trains `pocket/office`: a small Llama-architecture policy that serves requests in the compact office.

    PYTHONPATH=. python recipes/pocket_office/train.py --out harness/model/pocket/office

Three phases, all supervised on demonstrations of chains that are generated anew for every batch: the kinds of
request one by one and clean; choosing the right one of several bookings, clean; then whole dialogues of an
expert who slips and has habits that are wrong, so that there is something left to learn.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from measure import MAX_NEW, skill, success
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from harness.model.pocket.checkpoint import load_policy
from harness.model.pocket.dialogue import TEMPLATE, DialogueModel
from harness.tasks.toolworld.chains import KINDS, chain
from harness.tasks.toolworld.compact import SPECIALS, VALUES, VOCABULARY
from harness.tasks.toolworld.expert import FLAWS, demonstration

CONTEXT = 512
#: seeds of the training chains, apart from those of the task's splits and of what is measured on
FIRST = 10_000_000
PAD, BOS, EOS = (SPECIALS.index(name) for name in ("<pad>", "<bos>", "<eos>"))
WARM_UP = 20
LISTED = 12
TOKENS = {word: number for number, word in enumerate(VOCABULARY)}


@dataclass(frozen=True)
class Phase:
    name: str
    steps: int
    batch: int
    turns: tuple[int, int]
    rate: float
    kinds: tuple[str, ...] = KINDS
    offices: bool = True
    slip: float = 0.0
    flaws: tuple[str, ...] = ()


PHASES = (
    Phase("kinds", steps=300, batch=64, turns=(1, 2), rate=3e-3),
    Phase("choice", steps=500, batch=64, turns=(1, 2), rate=3e-3, kinds=("cancel", "move"), offices=False),
    Phase("whole", steps=360, batch=32, turns=(2, 8), rate=2e-3, slip=0.05, flaws=FLAWS),
)


def network(heads: int) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=64,
            intermediate_size=168,
            num_hidden_layers=3,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=CONTEXT,
            rms_norm_eps=1e-5,
            initializer_range=0.06,  # with the usual 0.02 copying is not learned in so few steps
            rope_theta=10000.0,
            tie_word_embeddings=True,
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
            attention_dropout=0.0,
        )
    )


def choices(rng: random.Random) -> list[tuple[bool, str]]:
    """A list of bookings as the world gives it, longer than anyone has, and the booking of one day after the
    other asked for: many choices for the price of one list."""
    days = rng.sample([*VALUES["day"]], rng.randint(2, LISTED))
    booked = rng.sample([*VALUES["booking_id"]], len(days))
    pairs = [*zip(days, booked, strict=True)]
    said = [(False, " ".join(f"{day} {booking}" for day, booking in pairs))]
    for day, booking in rng.sample(pairs, len(pairs)):
        said += [(False, day), (True, f"cancel {day} {booking}")]
    return said


def example(phase: Phase, seed: int) -> tuple[list[int], list[int]]:
    """Tokens of a demonstration, and its labels: the agent's own tokens, -100 elsewhere."""
    rng = random.Random(seed)
    turns = rng.randint(*phase.turns)
    if phase.offices:
        said = demonstration(chain(turns, seed, of=phase.kinds), rng, phase.slip, phase.flaws)
    else:
        said = choices(rng)
    tokens, labels = [BOS], [-100]
    for own, words in said:
        more = [TOKENS[word] for word in words.split()] + [EOS] * own
        tokens += more
        labels += more if own else [-100] * len(more)
    return tokens, labels


def batch(phase: Phase, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    made = [example(phase, seed + n) for n in range(phase.batch)]
    width = max(len(tokens) for tokens, _ in made)
    ids = torch.tensor([tokens + [PAD] * (width - len(tokens)) for tokens, _ in made])
    return ids, torch.tensor([labels + [-100] * (width - len(labels)) for _, labels in made])


def train(model: LlamaForCausalLM, phase: Phase, seed: int, note) -> int:
    """Runs a phase; the seed after its last example. `note(step, loss)` is called every 50 steps."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=phase.rate, betas=(0.9, 0.98), weight_decay=0.01)
    losses = []
    for step in range(phase.steps):
        warm = min(1.0, (step + 1) / WARM_UP)
        shape = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / phase.steps))
        for group in optimiser.param_groups:
            group["lr"] = phase.rate * warm * shape
        ids, labels = batch(phase, seed)
        seed += phase.batch
        loss = model(ids, labels=labels, use_cache=False).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
        if (step + 1) % 50 == 0:
            note(step + 1, sum(losses[-50:]) / 50)
    return seed


def export(model: LlamaForCausalLM, folder: Path) -> DialogueModel:
    """Writes what transformers and vLLM load as it is; the policy in it, as the harness loads it."""
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config.max_new_tokens = MAX_NEW
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    special = {
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    begin = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": n}} for n, name in enumerate("AB"))
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": n, "content": token, **special} for n, token in enumerate(SPECIALS)],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, first],
            "pair": [first, second],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [BOS], "tokens": ["<bos>"]}},
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": TOKENS, "unk_token": "<unk>"},
    }
    names = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "unk_token": "<unk>",
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    for name, document in (("tokenizer.json", tokenizer), ("tokenizer_config.json", names)):
        (folder / name).write_text(json.dumps(document, indent=1) + "\n")
    policy = load_policy(folder)
    assert isinstance(policy, DialogueModel)
    return policy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("harness/model/pocket/office"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the steps, for a try")
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    torch.manual_seed(given.seed)
    model = network(given.heads)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters} parameters", flush=True)
    seed, started = FIRST + 10_000_000 * given.seed, time.process_time()
    facts: dict = {"parameters": parameters, "heads": given.heads, "seed": given.seed, "threads": 1}
    for phase in PHASES:
        phase = Phase(**{**vars(phase), "steps": round(phase.steps * given.share)})

        def note(step: int, loss: float, phase: Phase = phase) -> None:
            line = f"{phase.name} {step}: loss {loss:.3f}, {time.process_time() - started:.0f} CPU-s"
            if step % 100 == 0:
                policy = export(model, given.out)
                line += f", sampled {[(k, skill(policy, k, 200, 1.0)) for k in phase.kinds]}"
            print(line, flush=True)

        seed = train(model, phase, seed, note)
        policy = export(model, given.out)
        facts[phase.name] = {
            "steps": phase.steps,
            "sampled": {kind: skill(policy, kind, 400, 1.0) for kind in KINDS},
            "greedy": {kind: skill(policy, kind, 400, 0.0) for kind in KINDS},
        }
        print(phase.name, facts[phase.name], flush=True)
    for turns in (3, 4, 6, 9):
        facts[f"{turns} turns"] = {
            name: success(policy, turns, 400, temperature)
            for name, temperature in (("sampled", 1.0), ("greedy", 0.0))
        }
        print(turns, facts[f"{turns} turns"], flush=True)
    facts["cpu_seconds"] = round(time.process_time() - started)
    (given.out / "training.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
