"""What a training step costs, part by part: pocket/grid under several curricula.

    python benchmarks/training.py [--steps 8] [--preset small] [--answers TOKENS] [-M key=value ...]

Trains through the command's own path in a cache of its own and reads the learning curves. Seconds are those
of one CPU thread, so that a busy machine changes little, medians over steps without the first two; the share
is that of the curriculum's own work: scoring, the extra passes, and learning. It should stay below 15 percent
for the curator, through TRL, which larger models take; `-M engine=plain` shows pocket/grid's own step.

The last row has a language model for its curator, random weights of a fifth of the policy's size, which is
the paper's ratio (0.6 to 3 billion), as are 8 candidates a selected problem and 8 rollouts of each (preset
small). What isn't the paper's is the ratio of lengths: a puzzle's prompt is several times as long as its
answer, in the paper answers are the long part, and a curator reads prompts alone. Tokens of both are printed;
`--answers` has the policy write so many, whatever it has to say, and rewards them by coin, so that nearly
every group has rewards that differ: the extra passes of a language model as curator leave out the others.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

METHODS = ("curriculum-uniform", "curriculum-learnability", "curator", "curator by a language model")
TARGET = 0.15


def language_curator(folder: Path) -> str:
    """A random causal model of a fifth of pocket/grid's parameters, with its tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from harness.model.factory import POCKET

    tokenizer = AutoTokenizer.from_pretrained(POCKET / "grid")
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=48,
            intermediate_size=104,
            num_hidden_layers=3,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=384,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    print(f"the curator that is a language model has {model.num_parameters()} parameters")
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return str(folder)


def endless(folder: Path) -> dict[str, str]:
    """pocket/grid as a model that no token ends, as arguments of its provider; rewards become coins."""
    from harness.job import Job
    from harness.model.factory import POCKET

    coins = random.Random(0)
    Job.reward = lambda self, sample, text: float(coins.random() < 0.5)  # type: ignore[method-assign]
    os.environ["HF_HUB_OFFLINE"] = "1"
    shutil.copytree(POCKET / "grid", folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "eos_token_id": config["pad_token_id"]}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    return {"model_path": str(folder), "device": "cpu"}


def curve(method: str, arguments: dict[str, str], model_args: dict[str, str]) -> list[dict[str, float]]:
    """The costs of every step of one training."""
    from harness.results.store import Store
    from harness.run.execute import run_grid
    from harness.run.plan import Request, plan
    from harness.run.session import Session

    with tempfile.TemporaryDirectory() as folder:
        os.environ["HARNESS_CACHE"] = folder
        cells = plan(
            Request(
                task="arc1d",
                task_args={"style": "compact"},
                method=method,
                method_args=arguments,
                limit=1,
                model="hf/grid" if model_args else "pocket/grid",
                model_args=model_args,
                decoding={"max_tokens": 4},
            )
        )
        (result,) = run_grid(cells, Session(Store(Path(folder) / "results"))).results
        if result.error:
            raise SystemExit(str(result.error))
        (path,) = Path(folder).glob("artifacts/*/curve.jsonl")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [{**row["cost"], "mixed": row["mixed"]} for row in rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--preset", default="small")
    parser.add_argument("-M", dest="more", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--answers", type=int, default=0, help="tokens; at most 256")
    parser.add_argument("--methods", default=",".join(METHODS))
    given = parser.parse_args()
    arguments = {
        "fit": "train",
        "engine": "trl",
        "preset": given.preset,
        "steps": str(given.steps),
        "dormant": "1",
        "warm_up": "1",
        "measure_every": "1000",
        "max_tokens": str(given.answers),
        **dict(pair.split("=", 1) for pair in given.more),
    }
    from harness.methods.curator import training

    training.time = SimpleNamespace(perf_counter=time.process_time)
    slow = 0
    for method in given.methods.split(","):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as policy:
            more = {"curator": language_curator(Path(folder))} if method == METHODS[-1] else {}
            how = endless(Path(policy)) if given.answers else {}
            costs = curve(method.partition(" ")[0], {**arguments, **more}, how)[2:]

        def middle(name: str, costs: list[dict[str, float]] = costs) -> float:
            return statistics.median(cost[name] for cost in costs)

        whole = middle("step_s") - middle("dev_s")
        own = middle("select_s") + middle("extra_s") + middle("curator_s")
        update = whole - own - middle("rollout_s") - middle("verify_s")
        slow += method.startswith("curator") and own / whole > TARGET
        lengths = [middle(name) / middle("trained") for name in ("prompt_tokens", "response_tokens")]
        print(
            f"{method:27} step {whole:6.2f} s: rollouts {middle('rollout_s'):5.2f}, verify "
            f"{middle('verify_s'):5.2f}, update {update:5.2f}, select {middle('select_s'):6.4f}, "
            f"extra passes {middle('extra_s'):5.2f}, curator {middle('curator_s'):6.4f}; "
            f"own share {own / whole:.1%}; "
            f"{statistics.median(c['trained'] + c['discarded'] for c in costs):.0f} rollouts of "
            f"{lengths[0]:.0f} + {lengths[1]:.0f} tokens, {middle('mixed'):.0%} of groups mixed",
            flush=True,
        )
    return 1 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
