"""`--role`: a model for a role that nothing asks is refused before anything runs."""

import pytest

USER = ("--task", "toolworld/single", "-T", "user=model", "--method", "prompted-tools", "--limit", "1")


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([*USER, "--role", "user=pocket/grid", "--role", "usr=pocket/grid"], ["--role usr", "mean 'user'?"]),
        ([*USER, "--role", "usr=pocket/grid"], ["--role usr", "mean 'user'?"]),
        (
            [*USER, "--role", "user=pocket/grid", "--role", "judge=pocket/grid"],
            ["--role judge", "roles: user"],
        ),
        (
            ["--task", "toolworld/single", "--method", "prompted-tools", "--role", "user=pocket/grid"],
            ["--role user", "toolworld/single, prompted-tools", "with these arguments; leave it out"],
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


def test_an_inspect_task_may_ask_a_judge_and_a_user():
    from harness.run.plan import Request, plan
    from harness.run.roles import check_roles

    check_roles(plan(Request("inspect/gsm8k", roles={"judge": "echo/a", "user": "echo/b"})))
