"""`harness score` on files of any shape, as a user drives it."""

import gzip
import json

import pytest


@pytest.fixture
def log(tmp_path):
    """Somebody's log: two runs, other names, completions in lists."""
    rows = [
        {"run": run, "set": "eval", "item": f"q{n}", "outputs": [f"the answer is {n + (run == 'bad')}"]}
        for run in ("good", "bad")
        for n in range(4)
    ] + [{"run": "good", "set": "train", "item": "q0", "outputs": ["the answer is 0"]}]
    with gzip.open(tmp_path / "log.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "questions.jsonl").write_text(
        "".join(json.dumps({"id": f"q{n}", "q": f"what is {n}?", "a": n}) + "\n" for n in range(4))
    )
    return tmp_path


TASK = (
    "score",
    "--task",
    "qa/custom",
    "-T",
    "data=questions.jsonl",
    "-T",
    "question=q",
    "-T",
    "answer=a",
    "-T",
    "match=number",
    "-T",
    "id=id",
    "--responses",
    "log.jsonl.gz",
)
NAMES = ("--column", "sample_id=item", "--column", "completion=outputs", "--where", "set=eval")


def test_other_names_and_one_run_for_each_value(log, harness):
    runs = json.loads(harness(log, *TASK, *NAMES, "--by", "run", "--json").stdout)["runs"]
    assert {run["model"]: run["metrics"]["accuracy"]["value"] for run in runs} == {
        "recorded/good": 1.0,
        "recorded/bad": 0.0,
    }
    (one,) = json.loads(
        harness(log, *TASK, *NAMES, "--where", "run=bad", "--label", "mine", "--json").stdout
    )["runs"]
    assert one["model"] == "recorded/mine" and one["metrics"]["accuracy"]["value"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--column", "sampel_id=item"), "'sample_id'"),
        ((*NAMES, "--by", "rnu"), "no column 'rnu'"),
        ((*NAMES, "--where", "run=ugly"), "no responses with set=eval and run=ugly"),
        (("--column", "sample_id"), "key=value"),
    ],
)
def test_a_mistake_is_one_line(log, harness, arguments, says):
    done = harness(log, *TASK, *arguments, code=2)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert says in line
