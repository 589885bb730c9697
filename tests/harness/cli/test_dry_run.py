"""`--dry-run`: the plan in text and JSON, and a task whose data are missing."""

import json

import pytest


def test_text(command, tmp_path):
    done = command(
        "eval",
        "--task",
        "arc1d,countdown",
        "--method",
        "direct,self-consistency",
        "-T",
        "level=1",
        "-M",
        "samples=4",
        "--limit",
        "50",
        "--epochs",
        "2",
        "--dry-run",
    )
    assert done.code == 0 and not (tmp_path / "results").exists()
    assert "4 cells, about 1000 calls" in done.out  # 2 tasks x (100 + 400)
    assert "arc1d x self-consistency x pocket/grid" in done.out and "400" in done.out
    assert "points" in done.out and "80 % power" in done.out


def test_json(command):
    done = command("eval", "--task", "arc1d", "--method", "direct", "-T", "level=1", "--dry-run", "--json")
    (line,) = done.out.splitlines()
    (cell,) = json.loads(line)["plan"]
    assert (cell["items"], cell["epochs"], cell["calls"]) == (200, 1, 200)
    assert 0 < cell["smallest_detectable_difference"] < 0.5
    smaller = json.loads(
        command("eval", "--task", "arc1d", "-T", "level=1", "--epochs", "8", "--dry-run", "--json").out
    )["plan"][0]
    assert smaller["smallest_detectable_difference"] < cell["smallest_detectable_difference"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_missing_data_are_named_and_the_rest_is_planned(command, tmp_path, form):
    (tmp_path / "mirror").mkdir()
    done = command(
        "eval",
        "--task",
        "gsm8k,arc1d",
        "-T",
        "arc1d.level=1",
        "--offline",
        "--mirror",
        "mirror",
        "--dry-run",
        *form,
    )
    assert done.code == 1 and "Traceback" not in done.err
    if form:
        missing, sound = json.loads(done.out)["plan"]
        assert "openai/gsm8k is not in the mirror" in missing["error"] and sound["calls"] == 200
    else:
        assert "openai/gsm8k is not in the mirror" in " ".join(done.out.split()) and "200" in done.out
    assert command("eval", "--task", "gsm8k", "--offline", "--mirror", "mirror", "--dry-run").code == 2


def test_a_task_that_cannot_load_is_named_with_its_place(command, plugin):
    done = command("eval", "--task", "colours-broken-load", "--dry-run", "--json")
    assert done.code == 2 and "harness-thirdparty" in json.loads(done.out)["plan"][0]["error"]


def test_a_dialogue_takes_at_least_a_call(command):
    arguments = ("eval", "--task", "toolworld/single", "--method", "react", "--epochs", "4", "--dry-run")
    (cell,) = json.loads(command(*arguments, "--json").out)["plan"]
    assert (cell["calls"], cell["calls_are_at_least"]) == (240, True)
    text = command(*arguments).out
    assert "at least 240 calls" in text and "about" not in text
    single = ("eval", "--task", "arc1d", "-T", "level=1", "--dry-run")
    assert json.loads(command(*single, "--json").out)["plan"][0]["calls_are_at_least"] is False
    assert "about 200 calls" in command(*single).out


METHOD = '''
from harness.method import Method
class Guess(Method):
    """Guesses."""
    async def fit(self, job): ...
    async def answer(self, question, job): ...
class Broken(Guess):
    def calls(self, n_questions, splits):
        return 1 / 0
'''


def test_what_a_method_cannot_tell_is_a_question_mark(command, tmp_path):
    (tmp_path / "own.py").write_text(METHOD)
    own, arguments = str(tmp_path / "own.py"), ("--task", "arc1d", "-T", "level=1", "--dry-run")
    done = command("eval", "--method", f"direct,{own}:Guess", *arguments)
    assert done.code == 0 and " ? " in done.out and "at least 200 calls" in done.out
    broken = command("eval", "--method", f"{own}:Broken", *arguments)
    assert broken.code == 2
    assert "calls of 'broken' failed at own.py:9: ZeroDivisionError: division by zero" in broken.out


def test_a_number_of_calls_that_cannot_be_is_no_plan(command):
    done = command(*"eval --task arc1d --method self-consistency -M samples=-3 --limit 2 --dry-run".split())
    assert done.code == 2 and "-6 calls can't be made" in done.out and "about 0 calls" in done.out
