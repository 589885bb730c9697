"""`--role`: a model for a role that nothing asks is refused before anything runs."""

import json

import pytest

from harness.base.errors import UsageError
from harness.run.plan import Request, plan
from harness.run.roles import check_roles

USER = ("--task", "toolworld/single", "-T", "user=model", "--method", "prompted-tools", "--limit", "1")


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([*USER, "--role", "user=pocket/grid", "--role", "usr=pocket/grid"], ["--role usr", "mean 'user'?"]),
        ([*USER, "--role", "usr=pocket/grid"], ["--role usr", "mean 'user'?"]),
        (
            [*USER, "--role", "user=pocket/grid", "--role", "judge=pocket/grid"],
            ["--role judge", "roles: human, user"],
        ),
        (
            ["--task", "toolworld/single", "--method", "prompted-tools", "--role", "user=pocket/grid"],
            ["--role user", "toolworld/single, prompted-tools", "with these arguments; valid roles: human"],
        ),
        (
            ["--task", "arc1d", "--method", "best-of-n", "--role", "jugde=pocket/grid"],
            ["--role jugde", "mean 'judge'?"],
        ),
        (
            [
                "--task",
                "tau2/retail,arc1d",
                "--method",
                "direct",
                "--role",
                "user=pocket/grid",
                "--role",
                "jugde=pocket/grid",
            ],
            ["--role jugde", "mean 'judge'?"],
        ),
    ],
)
def test_a_role_that_nothing_asks(command, tmp_path, arguments, says, dry):
    done = command("eval", *arguments, *dry)
    assert done.code == 2 and len(done.errors) == 1 and all(part in done.errors[0] for part in says)
    assert not (tmp_path / "results").exists()


def test_a_role_that_one_cell_of_the_grid_asks_is_right(command):
    done = command(
        "eval",
        "--task",
        "arc1d",
        "-T",
        "level=1",
        "--method",
        "direct,best-of-n",
        "-M",
        "scorer=judge",
        "--role",
        "judge=pocket/grid",
        "--limit",
        "1",
        "--dry-run",
    )
    assert done.code == 0 and not done.errors


def test_a_simulator_is_the_user_of_a_task_that_asks_one(command, tmp_path):
    """And the run is the one of whoever named that model as the user."""
    asked = (*USER, "--model", "echo/Done.", "--json", "--role")
    first = command("eval", *asked, "simulator=echo/Bye.")
    assert "toolworld/single: echo/Bye., given as simulator, is the user too" in first.err
    again = command("eval", *asked, "user=echo/Bye.")
    (one,), (other,) = json.loads(first.out)["runs"], json.loads(again.out)["runs"]
    assert one["comparability_key"] == other["comparability_key"] and other["reused"]


def test_an_inspect_task_may_ask_a_judge_and_a_user():
    from harness.run.plan import Request, plan
    from harness.run.roles import check_roles

    check_roles(plan(Request("inspect/gsm8k", roles={"judge": "echo/a", "user": "echo/b"})))


LEARNER = '''
import json
import harness


class Learner(harness.Method):
    """Asks a judge while it trains."""

    needs = ("labelled", "trainable", "judge")

    async def fit(self, job):
        sample = job.data.train[0]
        output = await job.role("judge").generate(sample.question, job.ask(sample.question), purpose="judge")
        assert output.completion == "yes"
        job.training.with_policy(job.training.policy)

    async def answer(self, question, job):
        return job.outcome(question, await job.model.generate(question, job.ask(question)))

    def launch(self, backend, job):
        return {"roles.json": json.dumps(job.roles)}
'''
TRAIN = ("train", "--task", "arc1d", "-T", "level=1", "--method", "learner.py:Learner")


@pytest.fixture
def learner(command, tmp_path):
    (tmp_path / "learner.py").write_text(LEARNER)
    return command


def test_training_asks_the_models_of_its_roles_and_says_who_they_were(learner, tmp_path):
    done = learner(*TRAIN, "--role", "judge=echo/yes", "--to", "policy", "--json")
    said = json.loads(done.out)
    assert (done.code, said["roles"], said["usage"]["judge"]["calls"]) == (0, {"judge": "echo/yes"}, 1)
    assert (tmp_path / "policy" / "config.json").is_file()


def test_a_launch_is_told_the_roles(learner):
    done = learner(*TRAIN, "--role", "judge=echo/yes", "--backend", "verl", "--print")
    assert done.code == 0 and done.out.splitlines() == ["# roles.json", '{"judge": "echo/yes"}']


@pytest.mark.parametrize(
    ("roles", "says"),
    [(["--role", "jugde=echo/yes"], "judge"), ([], "--role judge=MODEL"), (["--role", "judge"], "key=value")],
)
def test_training_refuses_roles_that_are_missing_or_not_asked(learner, roles, says):
    done = learner(*TRAIN, *roles, "--to", "policy")
    assert done.code == 2 and len(done.errors) == 1 and says in done.errors[0]


def test_training_from_python_takes_roles(learner, tmp_path):
    import harness

    policy = harness.train(
        "arc1d",
        f"{tmp_path}/learner.py:Learner",
        to="policy",
        task_args={"level": 1},
        roles={"judge": "echo/yes"},
        progress=False,
    )
    assert policy.roles == {"judge": "echo/yes"} and policy.usage["judge"]["calls"] == 1


@pytest.mark.parametrize(
    "methods, shown",
    [
        ("direct", "arc1d, direct"),
        ("direct,cot,few-shot", "arc1d, direct, cot, few-shot"),
        ("direct,cot,few-shot,self-consistency", "arc1d, direct, cot, few-shot ..."),
    ],
)
def test_four_of_those_that_ask_no_such_role_are_named(methods, shown):
    cells = plan(Request(task="arc1d", method=methods, model="echo/x", roles={"juge": "echo/y"}))
    with pytest.raises(UsageError) as caught:
        check_roles(cells)
    assert str(caught.value).startswith(f"--role juge: nothing here ({shown}) asks such a role")
