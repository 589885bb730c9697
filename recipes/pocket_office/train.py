"""Trains `pocket/office`: a small Llama-architecture policy that serves requests in the compact office.

    PYTHONPATH=. python recipes/pocket_office/train.py --out harness/model/pocket/office

Two phases, both supervised on demonstrations of chains that are generated anew for every batch. First clean
dialogues of one or two requests, until every kind is served well; while they are learned, three heads are
told where to look. Then whole dialogues of an expert who slips and has habits that are wrong, so that there
is something left to learn.
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
from harness.tasks.toolworld.compact import KIND_OF, SPECIALS, VALUES, VOCABULARY
from harness.tasks.toolworld.expert import FLAWS, demonstration

CONTEXT = 512
#: seeds of the training chains, apart from those of the task's splits and of what is measured on
FIRST = 10_000_000
PAD, BOS, EOS = (SPECIALS.index(name) for name in ("<pad>", "<bos>", "<eos>"))
WARM_UP = 20
LISTED, ASKED = 6, 4
TOKENS = {word: number for number, word in enumerate(VOCABULARY)}


@dataclass(frozen=True)
class Phase:
    name: str
    steps: int
    batch: int
    turns: tuple[int, int]
    rate: float
    kinds: tuple[str, ...] = KINDS
    #: of the examples, how many are lists to choose from and no dialogues
    lists: float = 0.0
    #: weight of the loss on where heads look
    guide: float = 0.0
    slip: float = 0.0
    flaws: tuple[str, ...] = ()


#: cancelling and moving take the longest to learn
OFTEN = (*KINDS, "cancel", "move", "cancel", "move")
PHASES = (
    Phase("clean", steps=1000, batch=64, turns=(1, 2), rate=3e-3, kinds=OFTEN, lists=0.15, guide=0.5),
    Phase("sloppy", steps=500, batch=32, turns=(2, 8), rate=2e-3, slip=0.03, flaws=FLAWS),
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
            initializer_range=0.1,  # with the usual 0.02 copying takes several times the steps
            rope_theta=10000.0,
            tie_word_embeddings=True,
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
            attention_dropout=0.0,
            attn_implementation="eager",  # gives where it looks
        )
    )


def choices(rng: random.Random) -> list[tuple[bool, str]]:
    """A list of bookings as the world gives it, longer than anyone has, and the booking of one day after the
    other asked for: many choices for the price of one list."""
    days = rng.sample([*VALUES["day"]], rng.randint(2, LISTED))
    booked = rng.sample([*VALUES["booking_id"]], len(days))
    pairs = [*zip(days, booked, strict=True)]
    said = [(False, " ".join(f"{day} {booking}" for day, booking in pairs))]
    for day, booking in rng.choices(pairs, k=ASKED):
        said += [(False, day), (True, f"cancel {day} {booking}")]
    return said


def example(phase: Phase, seed: int) -> tuple[list[int], list[int], list[list[int]]]:
    """Tokens of a demonstration; its labels: the agent's own tokens, -100 elsewhere; and for each of two
    heads that are told where to look, at every token the place to see, -1 where it may be any."""
    rng = random.Random(seed)
    turns = rng.randint(*phase.turns)
    if rng.random() < phase.lists:
        said = choices(rng)
    else:
        said = demonstration(chain(turns, seed, kinds=phase.kinds), rng, phase.slip, phase.flaws)
    tokens, labels, words = [BOS], [-100], ["<bos>"]
    look = [[-1], [-1]]
    request = 0
    for own, text in said:
        action = text.split()
        if action[0] in KIND_OF:
            request = len(words)
        for number, word in enumerate(action):
            latest = max((n for n, other in enumerate(words) if other == word), default=-1)
            chosen = word in VALUES["booking_id"]
            look[0][-1] = latest if own and chosen else -1
            if number == 3:  # the day to move to, as the request says it
                latest = request + 3
            elif number == 0 or word in VALUES["day"]:
                latest = -1
            look[1][-1] = latest if own and not chosen else -1
            words.append(word)
            look[0].append(-1)
            look[1].append(-1)
        more = [TOKENS[word] for word in action]
        if own:
            more.append(EOS)
            words.append("<eos>")
            look[0].append(-1)
            look[1].append(-1)
        tokens += more
        labels += more if own else [-100] * len(more)
    return tokens, labels, look


def batch(phase: Phase, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens and labels (B, T), and where the two heads should look (2, B, T)."""
    made = [example(phase, seed + n) for n in range(phase.batch)]
    width = max(len(tokens) for tokens, _, _ in made)

    def padded(rows: list[list[int]], fill: int) -> torch.Tensor:
        return torch.tensor([row + [fill] * (width - len(row)) for row in rows])

    look = torch.stack([padded([each[head] for _, _, each in made], -1) for head in (0, 1)])
    return (
        padded([tokens for tokens, _, _ in made], PAD),
        padded([labels for _, labels, _ in made], -100),
        look,
    )


def guidance(ids: torch.Tensor, look: torch.Tensor, attentions: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """A loss on where three heads look: one of the first layer at the word before, both of the second at what
    is to be copied, one for bookings, the other for all else.

    Choosing a booking takes two layers: one notes at every word what stands before it, the next finds, from
    the day just said, the booking that stands after that day. Neither is of use without the other, so that
    they are found late, if at all; told where to look, they are found soon.

    `ids` (B, T), `look` (2, B, T); `attentions` (B, H, T, T) of every layer.
    """
    before = attentions[0][:, 0].diagonal(-1, 1, 2)
    loss = -(before + 1e-6).log()[ids[:, 1:] != PAD].mean()
    for head in (0, 1):
        told = look[head] >= 0
        if told.any():
            seen = attentions[1][:, head].gather(2, look[head].clamp(min=0)[..., None])[..., 0]
            loss = loss - (seen[told] + 1e-6).log().mean()
    return loss


def train(model: LlamaForCausalLM, phase: Phase, seed: int, note) -> int:
    """Runs a phase; the seed after its last example. `note(step, loss)` is called every 50 steps."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=phase.rate, betas=(0.9, 0.98), weight_decay=0.01)
    losses = []
    for step in range(phase.steps):
        warm = min(1.0, (step + 1) / WARM_UP)
        shape = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / phase.steps))
        for group in optimiser.param_groups:
            group["lr"] = phase.rate * warm * shape
        ids, labels, look = batch(phase, seed)
        seed += phase.batch
        found = model(ids, labels=labels, use_cache=False, output_attentions=phase.guide > 0)
        loss = found.loss
        if phase.guide:
            (loss + phase.guide * guidance(ids, look, found.attentions)).backward()
        else:
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
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
    seed, started = FIRST + 1_000_000 * given.seed, time.process_time()
    facts: dict = {"parameters": parameters, "heads": given.heads, "seed": given.seed, "threads": 1}
    for phase in PHASES:
        phase = Phase(**{**vars(phase), "steps": round(phase.steps * given.share)})

        def note(step: int, loss: float, phase: Phase = phase) -> None:
            line = f"{phase.name} {step}: loss {loss:.3f}, {time.process_time() - started:.0f} CPU-s"
            if step % 100 == 0:
                policy = export(model, given.out)
                line += f", sampled {[(k, skill(policy, k, 200, 1.0)) for k in KINDS]}"
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
