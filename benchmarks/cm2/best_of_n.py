"""Best of N by the checklist's reward, without training: over N and over the judge's errors, and how well the
reward tells success (AUC). Episodes are drawn once; every N and every judge chooses among the same."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from benchmarks.cm2.one import EPISODES, held_out, nobody, office, success, trajectory
from harness.checklist.judging import RuleJudge
from harness.checklist.noise import NoisyJudge
from harness.checklist.reward import reward
from harness.methods.cm2.best_of_n.method import choose
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.decoder import Decoder
from harness.methods.cm2.plan import Plan
from harness.methods.cm2.rollouts import play_all

SIZES = (1, 2, 4, 8, 16)
FLIPS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)
TURNS = (4, 6)


def run(out: Path, policy: Path, episodes: int = EPISODES) -> None:
    """Writes what was found, unless it is there."""
    if out.exists():
        return
    found = {str(turns): _of(turns, policy, episodes) for turns in TURNS}
    out.write_text(json.dumps(found) + "\n", "utf-8")


def _of(turns: int, policy: Path, episodes: int) -> dict[str, Any]:
    import torch
    import transformers

    from harness.engine import checkpoints

    checkpoints.quiet()
    torch.set_num_threads(1)
    task, worlds = office(turns)
    tokenizer = transformers.AutoTokenizer.from_pretrained(policy)
    model = transformers.AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32)
    codec, plan = Codec(tokenizer), Plan()
    exact = RuleJudge(task.verdicts)
    # [world][draw]: success, reward by the request's checklist under each judge, and by the reference's
    won: list[list[int]] = []
    scores: dict[float, list[list[float]]] = {flip: [] for flip in FLIPS}
    oracle: list[list[float]] = []
    tokens: list[list[int]] = []
    most = max(SIZES)
    for start in range(0, episodes, 8):
        samples = held_out(worlds, start, min(start + 8, episodes))
        places = [(w, n) for w in range(len(samples)) for n in range(most)]
        decoder = Decoder(
            model,
            end=codec.end,
            context=min(plan.context, model.config.max_position_embeddings),
            max_tokens=plan.max_tokens,
            temperature=1.0,
            seeds=[(1409, start + w, n) for w, n in places],
        )
        games = [(samples[w].question, task.world(samples[w], nobody)) for w, _ in places]
        episodes_played = asyncio.run(play_all(games, codec, decoder))
        for w, sample in enumerate(samples):
            mine = episodes_played[w * most : (w + 1) * most]
            outcomes = [episode.outcome for episode in mine]
            paths = [trajectory(task, outcome) for outcome in outcomes]
            won.append([int(success(task, sample, outcome)) for outcome in outcomes if outcome])
            tokens.append([episode.read + episode.written for episode in mine])
            own, wanted = task.request_checklist(paths), task.checklist(sample)
            assert own is not None and wanted is not None
            for flip in FLIPS:
                judge = NoisyJudge(exact, flip, seed=7)
                scores[flip].append([_worth(judge, own, path, sample.id, n) for n, path in enumerate(paths)])
            oracle.append([_worth(exact, wanted, path, sample.id, n) for n, path in enumerate(paths)])
    return {"won": won, "scores": {str(k): v for k, v in scores.items()}, "oracle": oracle, "tokens": tokens}


def _worth(judge: Any, checklist: Any, path: Any, name: str, number: int) -> float:
    judged = asyncio.run(judge.verdicts(checklist, path, group=name, rollout=number))
    return round(reward(checklist, judged.verdicts).R or 0.0, 4)


def chosen(won: list[list[int]], scores: list[list[float]], n: int) -> list[float]:
    """Whether the kept one of the first n episodes succeeded, by world."""
    return [float(each[choose(worth[:n], [False] * n)]) for each, worth in zip(won, scores, strict=True)]
