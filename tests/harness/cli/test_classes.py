"""From a run of a classification to its scores by class: on the terminal, as JSON, in a picture, on the site,
and against another run."""

import json

import numpy as np
import pytest
from sklearn import metrics

import harness
from harness.comparison.arms import arms_of
from harness.comparison.flips import flips
from harness.comparison.paired import compare
from harness.leaderboard.site import Options, build, check
from harness.results.index import in_force, read_index


def sealed(root, labels, said, name, **task_args):
    data, answers = root / "mine.csv", root / f"{name}.jsonl"
    data.write_text("text,label\n" + "".join(f"t{n},{label}\n" for n, label in enumerate(labels)))
    rows = [json.dumps({"index": n, "completion": text}) + "\n" for n, text in enumerate(said)]
    answers.write_text("".join(rows))
    args = {"data": str(data), **task_args}
    (run,) = harness.score(
        "classify/custom", answers, task_args=args, label=name, store=root / "results", progress=False
    )
    return run


def answers(labels, share, rng):
    other = rng.choice([*sorted(set(labels)), "no label at all"], len(labels))
    return np.where(rng.random(len(labels)) < share, labels, other)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("classes"), np.random.default_rng(4)
    labels = rng.choice(["card", "fees", "lost $1$", "<b>"], 160, p=[0.5, 0.3, 0.15, 0.05])
    runs = [sealed(root, labels, answers(labels, share, rng), f"m{share}") for share in (0.6, 0.8)]
    return root, runs


def test_the_columns_of_samples_are_all_that_scikit_learn_needs(two):
    _, (run, _) = two
    frame = run.samples
    labels = sorted({*frame["target"], *frame["answer"].dropna()})
    score = metrics.f1_score(
        frame["target"], frame["answer"].fillna("(no answer)"), labels=labels, average="macro"
    )
    assert run.metrics["macro_f1"]["value"] == pytest.approx(score)
    low, high = run.metrics["macro_f1"]["ci"]
    assert low < score < high and run.metrics["macro_f1"]["ci_method"] == "bca"
    assert run.record["classes"] == {"several": False, "out_of_scope": None}


def test_show_prints_and_draws_the_classes(two, command, tmp_path):
    root, (run, _) = two
    place = ("--store", str(root / "results"))
    done = command("show", run.id, *place, "--plot", str(tmp_path / "confusion.svg"))
    assert done.code == 0 and "macro average" in done.out and "-> (no answer)" in done.out
    report = json.loads(command("show", run.id, *place, "--json").out)["class_report"]
    assert report == run.class_report().to_json()
    assert sum(map(sum, report["matrix"])) == 160
    assert b"target's attempts" in (tmp_path / "confusion.svg").read_bytes()
    assert "ends in .svg" in command("show", run.id, *place, "--plot", "x.gif").errors[0]
    assert "--plot is of a run" in command("show", "banking77", "--plot", str(tmp_path / "a.svg")).errors[0]


def test_many_classes_are_shown_by_those_that_are_confused_most(tmp_path, command):
    labels = [f"label {n % 60}" for n in range(240)]
    said = [f"label {(n + (n % 7 == 0)) % 60}" for n in range(240)]
    run = sealed(tmp_path, labels, said, "many")
    done = command("show", run.id, "--store", str(tmp_path / "results"), "--plot", str(tmp_path / "x.png"))
    assert "60 classes, the 15 with the lowest F1" in done.out and "confused most" in done.out
    assert done.out.count("label ") < 200 and (tmp_path / "x.png").stat().st_size > 10_000


def test_macro_f1_is_compared_on_the_same_items(two):
    root, runs = two
    worse, better = sorted(arms_of(in_force(read_index(root / "results").rows)), key=lambda arm: arm.model)
    found = compare(better, worse, "macro_f1")
    values = [run.metrics["macro_f1"]["value"] for run in runs]
    assert (found.baseline_value, found.candidate_value) == pytest.approx(values)
    assert found.difference.value == pytest.approx(values[1] - values[0])
    frames = [run.samples for run in runs]
    target, rng, drawn = frames[0]["target"].to_numpy(), np.random.default_rng(0), []
    given = [frame["answer"].fillna("(none)").to_numpy() for frame in frames]
    for _ in range(300):
        rows = rng.integers(len(target), size=len(target))
        labels = sorted({*target[rows], *given[0][rows], *given[1][rows]} - {"(none)"})
        scores = [metrics.f1_score(target[rows], g[rows], labels=labels, average="macro") for g in given]
        drawn.append(scores[1] - scores[0])
    assert found.difference.stderr == pytest.approx(np.std(drawn), rel=0.25)
    assert (found.difference.wins, found.difference.losses) == (0, 0)
    changed = flips(better, worse, "macro_f1")
    assert changed and {abs(flip.change) for flip in changed} == {1.0}


def test_compare_says_what_is_compared_or_why_not(two, command, tmp_path):
    root, _ = two
    place = ("--store", str(root / "results"), "--baseline", "recorded/m0.6")
    done = command("compare", *place, "--metric", "macro_f1")
    assert done.code == 0 and "macro_f1 is of the whole set" in done.out
    assert "has no metric 'micro_f1'" in command("compare", *place, "--metric", "micro_f1").errors[0]


def test_the_page_of_a_run_has_its_classes(two, tmp_path):
    root, (run, _) = two
    build(root / "results", tmp_path / "site")
    page = (tmp_path / "site" / "runs" / f"{run.id[:12]}.html").read_text("utf-8")
    assert (
        'id="confusion"' in page
        and '<th scope="row">&lt;b&gt;</th>' in page
        and "<b>" not in page[page.index('id="confusion"') : page.index('id="by-class"')]
    )
    assert "macro average" in page and not check(root / "results", tmp_path / "site", Options())
