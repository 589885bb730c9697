"""Questions, targets and second metrics where results are shown; and targets that a task keeps to itself,
of which no file and no output holds a trace."""

import json

import pytest

from harness.results import load_samples
from harness.results.stored import NOT_STORED, PRIVATE, target_of

SENTINEL = "zebra-4711"
TASK = '''
import json
from harness import Task
from harness.sample import Question, Sample, Score, Splits

class Riddles(Task):
    """Riddles with two metrics."""
    answer = "text"
    metrics = {"accuracy": 1.0, "closeness": 1.0}
    primary = "accuracy"
    private_targets = PRIVATE

    def load(self, data):
        return Splits([Sample(Question(f"r{n}", f"What is riddle {n}?\\nSay it."), WANTED) for n in range(3)])

    def gold(self, sample):
        return sample.target

    def parse(self, text, question):
        return text.strip() or None

    def score(self, sample, outcome):
        if sample.id == "r2" and outcome.answer != sample.target:
            raise ValueError(f"{outcome.answer!r} is not {sample.target!r}")
        right = outcome.answer == sample.target
        return Score({"accuracy": float(right), "closeness": 0.5}, reason=f"wanted {sample.target}")
'''


@pytest.fixture
def riddles(command, tmp_path):
    """Runs the riddles; the target and whether it is private can be chosen."""

    def run(private, target=SENTINEL, *more):
        text = TASK.replace("PRIVATE", str(private)).replace("WANTED", repr(target))
        (tmp_path / "riddles.py").write_text(text)
        done = command(
            "eval",
            "--task",
            "riddles.py:Riddles",
            "--method",
            "direct",
            "--model",
            "echo/a lion",
            "--offline",
            *more,
        )
        assert done.code == 0, done.err
        (found,) = json.loads(command("results", "list", "--json").out)["runs"]
        return found["run_id"][:12], done

    return run


def written(tmp_path):
    """The bytes of every file but the task's own, with parquet also as text."""
    import pyarrow.parquet

    for path in sorted(tmp_path.rglob("*")):
        if path.is_file() and path.name != "riddles.py" and "__pycache__" not in path.parts:
            yield path, path.read_bytes()
            if path.suffix == ".parquet":
                yield path, json.dumps(pyarrow.parquet.read_table(path).to_pylist()).encode()


def shown(command, run):
    """Everything that commands say of a run."""
    for arguments in (
        ("show", run),
        ("show", run, "--json"),
        *(("show", run, "--sample", f"r{n}", *more) for n in range(3) for more in ((), ("--json",))),
        ("results", "list"),
        ("results", "list", "--json"),
        *(("results", "export", "--format", form) for form in ("jsonl", "eee", "csv", "markdown", "latex")),
        ("leaderboard", "build", "--out", "site"),
    ):
        done = command(*arguments)
        yield arguments, done.out + done.err


@pytest.mark.parametrize("target", [SENTINEL, ["a", SENTINEL], {"name": SENTINEL}])
def test_a_private_target_is_in_no_file_and_in_no_output(riddles, command, tmp_path, target):
    run, done = riddles(True, target)
    said = {("eval",): done.out + done.err, **dict(shown(command, run))}
    for arguments, text in said.items():
        assert SENTINEL not in text, arguments
    places = [path for path, content in written(tmp_path) if SENTINEL.encode() in content]
    assert places == []
    assert any(path.suffix == ".parquet" for path, _ in written(tmp_path))
    assert (tmp_path / "site/runs/index.html").exists()
    assert f"target: {PRIVATE}" in said["show", run, "--sample", "r0"]
    assert "names the target, which the task keeps private" in said["show", run, "--sample", "r2"]
    assert load_samples(run, str(tmp_path / "results"))["target"].isna().all()


def test_the_same_search_finds_a_target_that_is_not_private(riddles, command, tmp_path):
    run, _ = riddles(False)
    said = dict(shown(command, run))
    assert SENTINEL in said["show", run, "--sample", "r0"]
    assert SENTINEL in said["show", run, "--sample", "r0", "--json"]
    places = {path.suffix for path, content in written(tmp_path) if SENTINEL.encode() in content}
    assert places >= {".parquet", ".js"}
    assert set(load_samples(run, str(tmp_path / "results"))["target"]) == {SENTINEL}


def test_show_says_what_was_asked_wanted_read_and_scored(riddles, command):
    run, done = riddles(False, "one\ntwo")
    text = command("show", run, "--sample", "r0").out
    order = [
        "What is riddle 0?",
        "Say it.",
        "a lion",
        "ok: accuracy 0, closeness 0.5",
        "target:\n  one\n  two",
    ]
    order.append("answer: a lion")
    places = [text.index(part, text.index("[input]")) for part in order]
    assert places == sorted(places)
    assert "closeness 0.3" in done.out.replace(
        "\n", " "
    )  # the second metric, below the run: 0.5, 0.5, failed


def test_without_transcripts_the_target_stays_and_the_question_is_not_stored(riddles, command):
    run, _ = riddles(False, SENTINEL, "--no-transcripts")
    text = command("show", run, "--sample", "r0").out
    assert f"question: {NOT_STORED}" in text and f"target: {SENTINEL}" in text and "no transcript" in text


def test_flips_show_question_target_both_answers_and_second_metrics(riddles, command, tmp_path):
    riddles(False, "a lion")
    command(
        "eval",
        "--task",
        "riddles.py:Riddles",
        "--method",
        "direct",
        "--model",
        "echo/a bear",
        "--offline",
    )
    done = command("compare", "--baseline", "echo/a lion", "--flips", "5")
    assert done.code == 0, done.err
    text = " ".join(done.out[done.out.index("r0  1 -> 0") :].splitlines()[:6])
    for part in (
        "question: What is riddle 0? Say it.",
        "target: a lion",
        "closeness 0.5 -> 0.5",
        "baseline: [ok] answer 'a lion'",
        "candidate: [ok] answer 'a bear'",
    ):
        assert part in text


def test_records_from_before_targets_were_kept_say_so():
    assert target_of({}, {"answer": "x"}) == NOT_STORED
    assert target_of({}, {"target": None}) == "none" and target_of({}, {"target": "x"}) == "x"
    assert target_of({"private_targets": True}, {"target": "x"}) == PRIVATE


def test_a_scorer_that_refuses_its_own_private_target_does_not_tell_it(command, tmp_path):
    text = TASK.replace("PRIVATE", "True").replace("WANTED", repr(SENTINEL))
    text = text.replace("outcome.answer == sample.target", "False")
    (tmp_path / "riddles.py").write_text(text)
    done = command("eval", "--task", "riddles.py:Riddles", "--model", "echo/x", "--offline")
    assert done.code == 1 and "check_task" in done.err and SENTINEL not in done.err
