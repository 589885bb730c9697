"""Roles of the task are part of the measurement, roles of the method of its subject; files go by content."""

import json

import pytest

import harness
from harness import Method, Outcome, Question, Sample, Splits, Task
from harness.base.errors import UsageError


class Judged(Task):
    """Words that a judge may find right."""

    role_prompts = {"judge": "Say yes if the word is right."}

    def load(self, data):
        return Splits(test=[Sample(Question(str(n), f"word {n}"), f"word {n}") for n in range(6)])

    async def judge(self, sample, outcome, judge):
        said = await judge.generate(sample.question, self.ask(sample.question), purpose="judge")
        return {"said": outcome.text, "verdict": said.completion}

    def correct(self, answer, sample):
        if isinstance(answer, dict):
            return answer["verdict"] == "yes"
        return answer == sample.target


class Asks(Method):
    """Asks a critic of its own."""

    roles = ("critic",)

    async def answer(self, question, job):
        said = await job.role("critic").generate(question, job.ask(question), purpose="critic")
        return Outcome(question.id, question.epoch, said.completion)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def one(method="direct", model="echo/x", **options):
    (run,) = harness.evaluate(Judged, method, model, progress=False, **options)
    return run.record


def test_rows_with_another_judge_or_none_do_not_meet():
    without, yes, no = one(), one(roles={"judge": "echo/yes"}), one(roles={"judge": "echo/no"})
    assert [r["metrics"]["accuracy"]["value"] for r in (without, yes, no)] == [0, 1, 0]
    assert len({r["comparability_key"] for r in (without, yes, no)}) == 3
    assert len({r["subject_key"] for r in (without, yes, no)}) == 1
    assert yes["comparability"]["roles"]["judge"]["model"] == "echo/yes"
    with pytest.raises(UsageError, match="roles"):
        harness.compare(yes["run_id"][:12], without["run_id"][:12])


def test_the_prompt_of_a_judge_is_part_of_the_measurement(monkeypatch):
    before = one(roles={"judge": "echo/yes"})
    monkeypatch.setattr(Judged, "role_prompts", {"judge": "Say yes, whatever it is."})
    after = one(roles={"judge": "echo/yes"})
    assert before["comparability_key"] != after["comparability_key"]


def test_a_role_of_the_methods_own_is_part_of_the_subject():
    one_critic, another = one(Asks, roles={"critic": "echo/a"}), one(Asks, roles={"critic": "echo/b"})
    assert one_critic["comparability_key"] == another["comparability_key"]
    assert one_critic["subject_key"] != another["subject_key"]
    assert one_critic["subject"]["roles"]["critic"]["model"] == "echo/a"


def test_a_file_counts_by_its_content_and_not_by_its_name(tmp_path):
    def measured(name, answers=("4", "7")):
        rows = [{"question": f"{n} + 0?", "answer": n} for n in answers]
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        given = {"data": name, "question": "question", "answer": "answer"}
        (run,) = harness.evaluate("qa/custom", "direct", "echo/4", task_args=given, progress=False)
        return run.record

    first, same, other = measured("a.jsonl"), measured("b.jsonl"), measured("a.jsonl", ("4", "8"))
    assert first["comparability_key"] == same["comparability_key"] and same["reused"]
    assert first["comparability_key"] != other["comparability_key"]
