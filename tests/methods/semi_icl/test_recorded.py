"""Annotation and selection on the recorded gpt-4o-mini labels of BANKING77, through the whole runner. They
were made without demonstrations and say nothing about answers."""

import gzip
import json
from pathlib import Path

import pytest

from harness.base import paths
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

SHARED = Path(__file__).parents[4] / "shared"
ROWS = (
    SHARED
    / "data/recorded_outputs/testnuc_banking77_gpt4omini"
    / "banking77_pseudo_labeled_gpt-4o-mini.jsonl.gz"
)
HUB = SHARED / "hub"
pytestmark = pytest.mark.skipif(not (ROWS.exists() and HUB.is_dir()), reason=f"no recorded outputs at {ROWS}")


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("naive-semi-icl", {}),
        ("naive-semi-icl", {"rule": "all"}),
        ("iterpsd", {"epsilon": 1.0}),
    ],
)
def test_the_precision_of_what_is_shown(tmp_path, monkeypatch, method, args):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    file = tmp_path / "recorded.jsonl"
    with gzip.open(ROWS, "rt", encoding="utf-8") as rows, open(file, "w", encoding="utf-8") as sink:
        for n, row in enumerate(map(json.loads, rows)):
            if n != 5196:  # a row that repeats another, which the task leaves out
                sink.write(
                    json.dumps(
                        {
                            "sample_id": str(n),
                            "completion": row["prediction"],
                            "confidence": row["confidence"],
                        }
                    )
                    + "\n"
                )
    request = Request(
        task="banking77",
        task_args={"protocol": "replay"},
        method=method,
        mirror=str(HUB),
        method_args={"k": 500, "k_gt": 0, **args},
        model=f"recorded/{file}",
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "out"))).results
    assert result.record, result.error
    (frozen,) = (paths.cache_dir() / "artifacts").glob("*/demonstrations.json")
    made = json.loads(frozen.read_text())
    spec = registry().task("banking77")
    splits = load_task(spec, spec.arguments({"protocol": "replay"})).load(Data(mirror=HUB, offline=True))
    gold = {sample.id: sample.target for sample in splits.train}  # the runner's side

    def precision(rows):
        return 100 * sum(gold[id] == label for id, label, *_ in rows) / len(rows)

    labels = {label for _, label in made["pseudo"]}
    assert (len(splits.pool), len(made["annotations"])) == (9001, 8998)  # each text once
    assert len(made["pseudo"]) == 500
    assert precision(made["annotations"]) == pytest.approx(65.4, abs=0.1)
    assert made["report"]["outside_the_label_set"] == 118 and labels <= set(splits.pool[0].choices)
    if args.get("rule") == "all":  # even, but not filtered: every label, and little more than raw precision
        assert len(labels) == 77 and precision(made["pseudo"]) < 72
    else:
        assert precision(made["pseudo"]) > precision(made["annotations"]) + 12
        assert 55 <= len(labels) <= 65  # confident rows miss some 15 of the 77
    assert result.record["metrics"]["accuracy"]["value"] == 0.652  # the recorded zero-shot answers
