"""`harness.evaluate`: what it takes, what it says of what goes wrong, where it runs."""

import asyncio
import json
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import harness
from harness.base.errors import HarnessWarning, PluginError, UsageError
from harness.run.plan import Request, plan

QUIET = {"limit": 6, "progress": False, "model": "pocket/grid"}


class MyVote(harness.Method):
    """Majority of n answers."""

    needs = ("countable",)

    @dataclass
    class Params:
        n: int = 3

    async def answer(self, question, job):
        asked = job.ask(question)
        outputs = [await job.model.generate(question, asked, draw=draw) for draw in range(self.params.n)]
        answers = [job.parse(output.completion, question) for output in outputs]
        return job.outcome(question, outputs[0], answer=Counter(answers).most_common(1)[0][0])


def calls(runs):
    return [(run.method, run.usage["calls"]) for run in runs]


@pytest.mark.parametrize(
    ("method", "found"),
    [
        (MyVote, [("my-vote", 18)]),
        ("vote.py:MyVote", [("my-vote", 18)]),
        (["direct", MyVote], [("direct", 6), ("my-vote", 18)]),
        ("direct,vote.py:MyVote", [("direct", 6), ("my-vote", 18)]),
    ],
)
def test_a_method_is_a_name_a_class_a_file_or_a_list_of_them(method, found, vote):
    runs = harness.evaluate("arc1d", method, **QUIET)
    assert calls(runs) == found
    assert all(run.status == "complete" and run.error is None for run in runs)


def test_an_object_carries_its_arguments_and_two_of_a_class_are_two_runs():
    runs = harness.evaluate("arc1d", [MyVote(n=2), MyVote(n=4), MyVote(n=2), "direct"], **QUIET)
    assert sorted(calls(runs)) == [("direct", 6), ("my-vote", 12), ("my-vote", 24)]
    assert {run.record["method"]["args"]["n"] for run in runs if run.method == "my-vote"} == {2, 4}


def test_a_task_and_a_model_may_be_lists():
    runs = harness.evaluate(["arc1d", "countdown"], model=["echo/1", "echo/2"], limit=2, progress=False)
    assert [(run.task, run.model) for run in runs] == [
        ("arc1d", "echo/1"),
        ("arc1d", "echo/2"),
        ("countdown", "echo/1"),
        ("countdown", "echo/2"),
    ]


def test_keywords_reach_the_run(place):
    (run,) = harness.evaluate(
        "arc1d",
        model="echo/1",
        task_args={"level": 1},
        seeds=1,
        epochs=2,
        limit=3,
        temperature=0.5,
        max_tokens=99,
        generation={"top_k": 7},
        store=place / "elsewhere",
        progress=False,
    )
    assert (place / "elsewhere").is_dir() and not (place / "results").exists()
    assert run.record["epochs"] == 2 and run.record["n_items"] == 3
    decoding = run.record["subject"]["decoding"]
    assert (decoding["temperature"], decoding["max_tokens"], decoding["top_k"]) == (0.5, 99, 7)
    assert str(run.record["comparability"]["task_args"]["level"]) == "1"


def test_the_record_names_the_call():
    (run,) = harness.evaluate("arc1d", model="echo/1", limit=1, progress=False)
    text = json.dumps(run.record)
    assert "harness.evaluate(task='arc1d', method='direct', model='echo/1', limit=1)" in text


def test_the_call_of_a_record_holds_no_key():
    from harness.api.requests import as_called

    told = as_called("evaluate", [], {"model_args": {"api_key": "topsecret", "base_url": "http://x"}})
    assert "topsecret" not in told and "http://x" in told


def test_harness_toml_and_the_environment_say_the_model(place, monkeypatch):
    (place / "harness.toml").write_text('model = "echo/3"\n')
    assert harness.evaluate("arc1d", limit=1, progress=False)[0].model == "echo/3"
    monkeypatch.setenv("HARNESS_MODEL", "echo/4")
    assert harness.evaluate("arc1d", limit=1, progress=False)[0].model == "echo/4"


def test_where_nobody_says_it_each_task_says_the_model(place):
    runs = harness.evaluate("arc1d,team/approval", "direct", limit=1, progress=False)
    assert {run.task: run.model for run in runs} == {"arc1d": "pocket/grid", "team/approval": "sim/clerk"}
    named = plan(Request("arc1d,team/approval", model="sim/clerk"))
    assert {cell.model for cell in named} == {"sim/clerk"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"limits": 3}, "unknown keyword 'limits'; did you mean 'limit'?"),
        ({"max_connection": 3}, "'max_connections'"),
        ({"limit": "3"}, "limit is a whole number, not '3'"),
        ({"limit": True}, "limit is a whole number"),
        ({"temperature": "hot"}, "temperature is a number, not 'hot'"),
        ({"offline": 1}, "offline is True or False, not 1"),
        ({"task_args": "level=1"}, "task_args is a dict"),
        ({"task_args": {"levle": 1}}, "did you mean 'level'"),
        ({"method_args": {"direct.x": 1}}, "direct has no parameter 'x'"),
        ({"limit": 0}, "must be at least 1, not 0"),
        ({"generation": {"top_q": 1}}, "top_q"),
        ({"method": "dirct"}, "did you mean 'direct'"),
        ({"method": []}, "no method given"),
        ({"method": 3}, "3 is no task or method"),
        ({"model": 3}, "a model is a name"),
    ],
)
def test_a_mistake_is_one_line(wrong, says):
    with pytest.raises(UsageError) as error:
        harness.evaluate(**{"task": "arc1d", "progress": False, **wrong})
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_cell_that_fails_is_listed_and_warned_of():
    with pytest.warns(HarnessWarning, match="no-such/model"):
        runs = harness.evaluate("arc1d", model=["echo/1", "no-such/model"], limit=2, progress=False)
    assert [run.model for run in runs] == ["echo/1", "no-such/model"]
    (failed,) = runs.failed
    assert failed.model == "no-such/model" and isinstance(failed.error, UsageError)
    assert failed.value is None and failed.interval is None and failed.metrics == {} and failed.usage == {}
    assert failed.status == "failed" and failed.id is None
    with pytest.raises(UsageError, match="has no attempts"):
        failed.samples  # noqa: B018
    assert "no-such/model" in repr(runs) and "no-such/model" in runs._repr_html_()


def test_where_every_cell_is_misconfigured_it_raises():
    with pytest.raises(UsageError, match="no-such"):
        harness.evaluate("arc1d", model=["no-such/model", "no-such/other"], limit=2, progress=False)


def test_a_method_that_breaks_is_warned_of_and_kept():
    class Broken(harness.Method):
        """Breaks."""

        async def answer(self, question, job):
            raise ValueError("out of luck")

    with pytest.warns(HarnessWarning, match="out of luck"):
        runs = harness.evaluate("arc1d", Broken, model="echo/1", limit=2, progress=False)
    assert isinstance(runs.failed[0].error, PluginError)


def test_a_spent_budget_is_warned_of():
    with pytest.warns(HarnessWarning, match="stopped"):
        (run,) = harness.evaluate("arc1d", model="echo/1", limit=5, budget_calls=2, progress=False)
    assert run.status == "stopped"


def test_progress_is_on_stderr_or_nowhere(capsys):
    harness.evaluate("arc1d", model="echo/1", limit=2)
    shown = capsys.readouterr()
    assert "[1/1] arc1d x direct x echo/1" in shown.err and shown.out == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        harness.evaluate("arc1d", model="echo/2", limit=2, progress=False)
    assert capsys.readouterr() == ("", "")


def test_it_works_where_a_loop_runs():
    async def cell():
        return harness.evaluate("arc1d", "direct", **QUIET), await harness.evaluate_async(
            "arc1d", MyVote, **QUIET
        )

    first, second = asyncio.run(cell())
    assert calls([*first, *second]) == [("direct", 6), ("my-vote", 18)]
    again = harness.evaluate("arc1d", ["direct", MyVote], **QUIET)
    assert [run.record.get("reused") for run in again] == [True, True]


def test_an_error_crosses_the_thread():
    async def cell():
        return harness.evaluate("arc1d", model="no-such/model", progress=False)

    with pytest.raises(UsageError, match="no-such"):
        asyncio.run(cell())


def test_cancelling_keeps_what_is_finished(place):
    class Slow(harness.Method):
        """Answers three questions, then waits."""

        async def answer(self, question, job):
            log = Path("answered")  # what a class refers to is part of it, so it refers to no list
            if log.exists() and len(log.read_text().split()) == 3:
                await asyncio.sleep(60)
            with log.open("a") as lines:
                lines.write(f"{question.id}\n")
            return harness.Outcome(question.id, text="1")

    def answered():
        return (place / "answered").read_text().split() if (place / "answered").exists() else []

    async def cell():
        task = asyncio.ensure_future(
            harness.evaluate_async("arc1d", Slow, "echo/1", limit=5, max_connections=1, progress=False)
        )
        while len(answered()) < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with (place / "answered").open("a") as lines:
            lines.write("on\n")
        return await harness.evaluate_async("arc1d", Slow, "echo/1", limit=5, progress=False)

    (run,) = asyncio.run(cell())
    assert run.status == "complete" and len(run.samples) == 5
    assert len(answered()) == 6 and len(set(answered())) == 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"system": "@who.txt"}, "would be sent as it stands; in Python a file's text is given as Path('who"),
        ({"system": " "}, "system: the text is empty"),
        ({"method_args": {"prompt": "@who.txt"}}, "is taken as the text itself here; in Python"),
    ],
)
def test_a_text_is_given_and_not_the_name_of_its_file(tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "who.txt").write_text("You are {input}.")
    with pytest.raises(UsageError, match=re.escape(said)):
        harness.evaluate("arc1d", "direct", "echo/1", task_args={"level": 1}, limit=1, **options)
