"""Learning on MATH, being measured on what has no train split: on made-up rows of the repositories' shape."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")

from harness.model.factory import POCKET
from harness.registry import registry
from harness.results.index import read_index
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

SUBJECTS = ("Algebra", "Geometry")
TINY = {
    "fit": "train",
    "steps": 2,
    "prompts": 4,
    "rollouts": 2,
    "candidates": 16,
    "micro_batch": 8,
    "dormant": 1,
    "warm_up": 1,
    "max_tokens": 4,
}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    for name, pin in registry().task("math").data.items():  # aime24 is one of them: none of it is trained on
        folder = tmp_path / "hub" / pin.id
        folder.mkdir(parents=True)
        rows = [
            {
                "problem": f"{name} {n}+{n}=",
                "question": f"{name} {n}",
                "solution": f"\\boxed{{{2 * n}}}",
                "answer": str(2 * n),
                "subject": SUBJECTS[n % 2],
                "level": 1 + n % 5,
                "id": n,
                "url": "",
                "unique_id": f"{name}/{n}",
            }
            for n in range(400 if name == "train" else 3)
        ]
        (folder / f"{pin.split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        files = f"  - split: {pin.split}\n    path: {pin.split}.jsonl\n"
        (folder / "README.md").write_text(
            f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n"
        )
    return tmp_path / "hub"


def go(tmp_path, mirror, method, model="pocket/grid", model_args=None, **args):
    request = Request(
        task="math500",
        method=method,
        model=model,
        mirror=str(mirror),
        limit=1,
        method_args={**TINY, **args},
        model_args=model_args or {},
        decoding={"max_tokens": 4},
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "results"))).results
    assert result.record, result.error
    (folder,) = (path.parent for path in (tmp_path / "cache" / "artifacts").glob("*/curve.jsonl"))
    rows = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    return result.record, rows, json.loads((folder / "training.json").read_text())


def test_sec_draws_from_the_categories_of_math(tmp_path, mirror):
    record, rows, facts = go(tmp_path, mirror, "curriculum-sec", bank="math")
    assert record["data_access"]["labels_seen"] == facts["problems"] == 150
    assert record["data_access"]["dev_labels_seen"] == 250
    kinds = {f"chosen {kind} {level}" for kind in SUBJECTS for level in range(1, 6)}
    assert kinds == {name for name in rows[0] if name.startswith("chosen ")}
    assert sum(rows[0][kind] for kind in kinds) == 4
    assert facts["difficulty_from"] == "level labels"
    assert record["comparability"]["task"] == "math500"


def test_a_hub_model_learns_on_math_where_there_is_no_train_split(tmp_path, mirror, caplog):
    """The pocket policy under a Hub model's name, loaded by transformers."""
    record, _, facts = go(
        tmp_path,
        mirror,
        "curriculum-uniform",
        "hf/grid",
        {"model_path": str(POCKET / "grid"), "device": "cpu"},
    )
    assert "the policy learns on math; -M bank=TASK names another" in caplog.text
    assert facts["problems"] == 150 and facts["from"] == "hf/grid"
    assert record["counts"]["ok"] == 1


def typed(monkeypatch, capsys, mirror, *options):
    """What `harness eval --task aime24 --method curator` says, before and at the end."""
    from harness.cli import main

    monkeypatch.chdir(mirror.parent)
    command = ["harness", "eval", "--task", "aime24", "--method", "curator", "--mirror", str(mirror)]
    monkeypatch.setattr("sys.argv", [*command, *options])
    try:
        main()
    except SystemExit as ended:
        assert not ended.code
    return capsys.readouterr()


def test_the_command_as_typed_takes_the_shipped_policy_and_ends_in_a_row(mirror, monkeypatch, capsys):
    planned = typed(monkeypatch, capsys, mirror, "--dry-run").out
    said = typed(monkeypatch, capsys, mirror)
    used = read_index(Path("results")).rows[0]["usage"]["calls"]
    assert used > 1000 and f"about {used} calls" in planned  # those of the shipped policy's training too
    before, _, _ = said.err.partition("answer")
    assert "aime24 x curator x pocket/grid, before it begins" in before
    assert "learned on: 400 problems of the train split of arc1d; aime24 has none" in before
    assert "policy: the one shipped with the harness; nothing is trained now" in before
    assert re.search(r"aime24 +curator +pocket/grid +accuracy +0\.000", said.out)


def test_a_tiny_hub_model_is_told_what_it_will_take_and_ends_in_a_row(mirror, monkeypatch, capsys):
    from harness.engine import plain
    from tests.harness.engine.courses import model, tokenizer

    folder = mirror.parent / "tiny"
    model().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    options = ["--model", "hf/tiny", "--model-arg", f"model_path={folder}", "--model-arg", "device=cpu"]
    options += [part for name, value in TINY.items() for part in ("-M", f"{name}={value}")]
    options += ["--max-tokens", "4"]
    shown = typed(monkeypatch, capsys, mirror, *options, "--dry-run")
    plan = shown.err
    screen = plan[plan.index("aime24 x curator x hf/tiny, before it begins") :].split("\n")[:7]
    for line, start in zip(
        screen[1:],
        (
            "learns on: 150 problems of the train split of math; aime24 has none, -M bank=TASK names another",
            "trains: 2 steps of 4 problems x 2 rollouts: 16 rollouts, at most about ",
            "engine: plain (a plain torch loop, for policies below 5 million parameters); the policy: ",
            "takes: at most about 1 s on one CPU thread",
            "needs: torch, transformers (installed)",
            "measures: 250 dev problems every 10 steps; then the trained policy answers",
        ),
        strict=True,
    ):
        assert line.strip().startswith(start)
    train, before = plain.train, []

    def watched(*given, **named):
        before.append(capsys.readouterr().err)
        train(*given, **named)

    monkeypatch.setattr(plain, "train", watched)
    said = typed(monkeypatch, capsys, mirror, *options)
    assert "\n".join(screen) in before[0]
    assert re.search(r"hf/tiny\n +metric accuracy +value .* 0\.000 \[", said.out)
    used = read_index(Path("results")).rows[0]["usage"]["calls"]
    assert used == 16 + 250 + 3 and f"about {used} calls" in shown.out  # rollouts, dev problems, questions
    again = typed(monkeypatch, capsys, mirror, *options, "--dry-run").out
    assert f"about {used} calls" in again
    assert (
        "the one trained before with the same inputs"
        in typed(monkeypatch, capsys, mirror, *options, "--overwrite").err
    )
