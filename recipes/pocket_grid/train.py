"""Trains `pocket/grid`: a small Llama-architecture policy for ARC-1D and Countdown in compact form.

    python recipes/pocket_grid/train.py --minutes 40 --out harness/model/pocket/grid

Items come from reasoning-gym with seeds apart from those of the test and dev sets; an item that
occurs in either is left out. The loss is taken on every output in the context but the first, so that
the policy learns to read a rule off examples.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from harness.tasks.puzzles import generate
from harness.tasks.puzzles.prompts import compact_countdown

SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
CHARACTERS = list("0123456789>|=:,+-*/()AC")
VOCABULARY = {token: index for index, token in enumerate(SPECIAL + CHARACTERS)}
PAD, BOS, EOS = 0, 1, 2
CONTEXT = 384
#: arc1d level -> share of the batches
MIXTURE = {1: 0.40, 2: 0.26, 3: 0.14, 4: 0.10, "countdown": 0.10}
#: ARC-1D items generated at once
CHUNK = 4000


def encode(text: str) -> list[int]:
    return [VOCABULARY[character] for character in text]


def arc_example(item: dict) -> tuple[list[int], list[int]]:
    """Token ids, and 1 where the loss counts."""
    pairs = [*item["examples"], [item["query"], item["target"]]]
    ids, counts = [BOS, VOCABULARY["A"]], [0, 0]
    for number, (given, wanted) in enumerate(pairs):
        given_ids = encode("".join(map(str, given)) + ">")
        wanted_ids = encode("".join(map(str, wanted)))
        last = number == len(pairs) - 1
        wanted_ids.append(EOS if last else VOCABULARY["|"])
        ids += given_ids + wanted_ids
        counts += [0] * len(given_ids) + [int(number > 0)] * len(wanted_ids)
    return ids, counts


def countdown_example(rng: random.Random) -> tuple[list[int], list[int], str]:
    """A random expression over 3 or 4 numbers, asked for by its value: the distribution of numbers
    and targets of the task, with a known solution."""
    while True:
        numbers = [rng.randint(1, 100) for _ in range(rng.choice((3, 3, 4)))]
        text, value = str(numbers[0]), float(numbers[0])
        whole = text
        precedence = 2
        for number in numbers[1:]:
            sign = rng.choice("++--*/")
            if sign in "*/" and precedence < 2:
                whole = f"({whole})"
            if sign == "+":
                value += number
            elif sign == "-":
                value -= number
            elif sign == "*":
                value *= number
            else:
                value /= number
            precedence = 1 if sign in "+-" else 2
            whole = f"{whole}{sign}{number}"
        if value == int(value) and 1 <= value <= 1000:
            break
    shown = numbers[:]
    rng.shuffle(shown)
    prompt = compact_countdown(shown, int(value))
    ids = [BOS, *encode(prompt), *encode(whole), EOS]
    start = 1 + len(prompt)
    return ids, [0] * start + [1] * (len(ids) - start), prompt


class Stream:
    """Endless batches of one kind, generated in chunks."""

    def __init__(self, kind: int | str, seed: int, taken: set[str]) -> None:
        self.kind, self.seed, self.taken = kind, seed, taken
        self.items: list = []
        self.rng = random.Random(seed)

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        examples = []
        while len(examples) < size:
            if self.kind == "countdown":
                ids, counts, prompt = countdown_example(self.rng)
                if prompt not in self.taken:
                    examples.append((ids, counts))
                continue
            if not self.items:
                self.items = list(generate.raw("arc1d", int(self.kind), self.seed, CHUNK))
                self.seed += CHUNK  # item i of a set has seed + i: the next chunk begins after it
            item = self.items.pop()
            if generate.content(item) not in self.taken:
                examples.append(arc_example(item))
        width = max(len(ids) for ids, _ in examples)
        ids = torch.zeros((size, width), dtype=torch.long)
        labels = torch.full((size, width), -100, dtype=torch.long)
        for row, (tokens, counts) in enumerate(examples):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            wanted = torch.tensor([t if c else -100 for t, c in zip(tokens, counts, strict=True)])
            labels[row, : len(tokens)] = wanted
        return ids, labels


def held_out() -> set[str]:
    """Contents of test and dev, which training must not see."""
    taken = set()
    for split in ("test", "dev"):
        taken |= {generate.content(item) for item in generate.read("arc1d", split)}
        taken |= {
            compact_countdown(item["numbers"], item["target"]) for item in generate.read("countdown", split)
        }
    return taken


@torch.no_grad()
def exact_match(model: LlamaForCausalLM, level: int, limit: int = 100) -> float:
    """Greedy exact match on dev items of a level (teacher-forced: every token must be the argmax)."""
    items = [i for i in generate.read("arc1d", "dev") if i["level"] == level][:limit]
    right = 0
    for item in items:
        ids, _ = arc_example(item)
        length = len(item["target"]) + 1
        logits = model(torch.tensor([ids])).logits[0]
        right += bool((logits[-length - 1 : -1].argmax(-1) == torch.tensor(ids[-length:])).all())
    return right / len(items)


def export(model: LlamaForCausalLM, folder: Path, facts: dict) -> None:
    """Writes what transformers and vLLM load as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": index,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for index, token in enumerate(SPECIAL)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "<bos>", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [BOS], "tokens": ["<bos>"]}},
        },
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "<unk>"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "pad_token": "<pad>",
                "bos_token": "<bos>",
                "eos_token": "<eos>",
                "unk_token": "<unk>",
                "model_max_length": CONTEXT,
                "clean_up_tokenization_spaces": False,
                "chat_template": "{{ bos_token }}{{ messages | selectattr('role', 'equalto', 'user') "
                "| map(attribute='content') | list | last }}",
            },
            indent=1,
        )
        + "\n"
    )
    (folder / "training.json").write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--out", type=Path, default=Path("harness/model/pocket/grid"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--tokens", type=int, default=8192, help="tokens in a batch")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    rng = np.random.default_rng(given.seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=given.width,
            intermediate_size=2 * given.width,
            num_hidden_layers=given.layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            rms_norm_eps=1e-5,
            rope_theta=10000.0,
            tie_word_embeddings=True,
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
            attention_dropout=0.0,
        )
    )
    count = sum(p.numel() for p in model.parameters())
    print(f"{count} parameters", flush=True)
    taken = held_out()
    streams = {
        kind: Stream(kind, 1_000_000 * (number + 1) + 10_000_000 * given.seed, taken)
        for number, kind in enumerate(MIXTURE)
    }
    optimiser = torch.optim.AdamW(model.parameters(), lr=given.rate, betas=(0.9, 0.98), weight_decay=0.01)
    kinds, shares = list(MIXTURE), np.array(list(MIXTURE.values()))
    started, step, tokens = time.monotonic(), 0, 0
    shown = saved = started
    losses: dict[int | str, float] = {}
    while True:
        spent = (time.monotonic() - started) / 60 / given.minutes
        if spent >= 1:
            break
        # a curriculum by length: only the shortest grids in the first twelfth of the time
        kind = kinds[0] if spent < 1 / 12 else kinds[rng.choice(len(kinds), p=shares)]
        length = 40 if kind == "countdown" else 88 * int(kind)
        ids, labels = streams[kind].batch(max(8, given.tokens // length))
        warm = min(1.0, (step + 1) / 100)
        rate = given.rate * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * spent)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = model(ids, labels=labels, use_cache=False).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        tokens += ids.numel()
        losses[kind] = 0.95 * losses.get(kind, loss.item()) + 0.05 * loss.item()
        now = time.monotonic()
        if now - shown > 20:
            shown = now
            each = "  ".join(f"{k}:{v:.3f}" for k, v in sorted(losses.items(), key=str))
            left = given.minutes * (1 - spent)
            print(
                f"step {step}  {tokens / (now - started):.0f} tokens/s  loss {each}  {left:.1f} min left",
                flush=True,
            )
        if now - saved > 240:
            saved = now
            model.eval()
            levels = {level: exact_match(model, level) for level in (1, 2, 3, 4)}
            model.train()
            print("dev exact match", levels, flush=True)
            export(model, given.out, {"steps": step, "tokens": tokens, "parameters": count})
    model.eval()
    levels = {str(level): exact_match(model, level) for level in (1, 2, 3, 4)}
    minutes = (time.monotonic() - started) / 60
    export(
        model,
        given.out,
        {
            "steps": step,
            "tokens": tokens,
            "parameters": count,
            "minutes": round(minutes, 1),
            "threads": given.threads,
            "seed": given.seed,
            "dev_exact_match": levels,
        },
    )
    print("dev exact match", levels, flush=True)


if __name__ == "__main__":
    main()
