"""What a training step costs by engine: the same course through the plain loop and through TRL.

    python benchmarks/engines.py [--steps 8] [--rounds 3]

Two courses: pocket/grid under uniform choice of ARC-1D problems (preset small: 128 rollouts a step, long
shared prompts), and 96 dialogues of about 150 tokens on a Llama of 177,000 parameters (short prompts, half of
the tokens the policy's own, an advantage for every token). Both engines take turns within one run, so that a
busy machine slows both alike; seconds are those of one CPU thread, medians over steps without the first two.
The ratio should stay above 1.5 for either.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

TARGET = 1.5
ENGINES = ("plain", "trl")


class Dialogues:
    """Invented dialogues on a random small Llama; a step's rollouts cost nothing."""

    def __init__(self, steps: int) -> None:
        import torch
        from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

        from harness.engine.course import Update
        from harness.model.factory import POCKET

        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=260,
            hidden_size=64,
            intermediate_size=192,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            pad_token_id=0,
        )
        self.model, self.seed = LlamaForCausalLM(config), 0
        self.tokenizer = AutoTokenizer.from_pretrained(POCKET / "grid")
        self.update = Update(steps=steps, rollouts=96, rate=1e-4, micro_batch=32, aggregate="token")
        self.curve: list[dict[str, Any]] = []
        self.peak = None

    @property
    def step(self) -> int:
        return len(self.curve)

    def choose(self) -> list[Any]:
        import numpy as np

        from harness.engine.course import Rollout

        rng, found = np.random.default_rng(self.step), []
        for _ in range(self.update.rollouts):
            length = int(rng.integers(110, 190))
            ids, own = rng.integers(4, 27, length).tolist(), (rng.random(length) < 0.5).tolist()
            found.append(Rollout([1, *rng.integers(4, 27, 3).tolist()], ids, rng.normal(size=length), own))
        self._started = time.process_time()
        return found

    def finish_step(self) -> bool:
        self.curve.append({"s": time.process_time() - self._started})
        return self.step < self.update.steps

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None: ...

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...


def dialogues(engine: str, steps: int) -> dict[str, float]:
    """Seconds of a step's update."""
    from harness.engine import train

    course = Dialogues(steps)
    with tempfile.TemporaryDirectory() as folder:
        train(course, Path(folder), engine=engine)
    return {"update": statistics.median(row["s"] for row in course.curve[2:])}


def curriculum(engine: str, steps: int) -> dict[str, float]:
    """Seconds of a step, and of its update alone."""
    from training import curve

    arguments = {"fit": "train", "preset": "small", "steps": str(steps), "measure_every": "1000"}
    rows = curve("curriculum-uniform", {**arguments, "engine": engine}, {})[2:]
    steps_s = [row["step_s"] - row["dev_s"] for row in rows]
    updates = [s - row["rollout_s"] - row["verify_s"] for s, row in zip(steps_s, rows, strict=True)]
    return {"step": statistics.median(steps_s), "update": statistics.median(updates)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    from types import SimpleNamespace

    import torch

    from harness.engine.checkpoints import quiet
    from harness.methods.curator import training

    torch.set_num_threads(1)
    quiet()
    training.time = SimpleNamespace(perf_counter=time.process_time)
    slow = 0
    for name, measure in (("pocket/grid, uniform choice", curriculum), ("96 dialogues", dialogues)):
        rounds = [{engine: measure(engine, given.steps) for engine in ENGINES} for _ in range(given.rounds)]
        for part in rounds[0]["plain"]:
            plain, trl = (statistics.median(row[engine][part] for row in rounds) for engine in ENGINES)
            ratio = statistics.median(row["trl"][part] / row["plain"][part] for row in rounds)
            slow += ratio < TARGET
            print(f"{name:28} {part:7} plain {plain:5.2f} s, trl {trl:5.2f} s: {ratio:.1f} times", flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
