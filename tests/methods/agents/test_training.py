"""Training on a task's own questions through the gateway: counted, found again, resumed, taken elsewhere."""

import json

import pytest

pytest.importorskip("torch")

import harness  # noqa: E402
from harness.api.evaluation import session_of  # noqa: E402
from harness.api.training import cell_of  # noqa: E402
from harness.api.training import train as train_policy  # noqa: E402
from harness.base.errors import UsageError  # noqa: E402
from harness.methods.agents.arguments import check  # noqa: E402
from harness.registry import load_method, registry  # noqa: E402
from harness.results import load_curves  # noqa: E402
from harness.run.training import calls_of_cell  # noqa: E402

LABELS = ("red", "green", "blue", "grey")
TRAIN = [(f"a {LABELS[n % 4]} thing, number {n}", LABELS[n % 4]) for n in range(12)]
TEST = [(f"the {LABELS[n % 4]} object {n}", LABELS[n % 4]) for n in range(4)]
ARGS = {"agents": 3, "rounds": 3, "attack": "random", "rate": 0.1, "cell": "linear", "batch": 4, "lr": 0.02}
METHOD = "todycomm"


def say(call):
    """Mostly right, by the call's own seed; an adversary is told what to argue for."""
    if call.seed % 4 == 0:
        return LABELS[call.seed % 3]
    return next(label for label in LABELS if label in call.question.input)


@pytest.fixture
def colours(lab):
    return lab.data(TEST, train=TRAIN)


def run(lab, out="out", request=None, cacheable=True, **args):
    grid, model, _ = lab.grid(
        METHOD,
        say,
        out=out,
        cacheable=cacheable,
        request={"twin": False} | (request or {}),
        **{**ARGS, **args},
    )
    (result,) = grid.results
    return result, model


def purposes(record):
    return {name.split("/")[0]: use["calls"] for name, use in record["usage"]["by_purpose"].items()}


def test_training_is_one_pass_booked_and_found_again(colours):
    first, model = run(colours)
    assert first.record, first.error
    sizes = len(colours.splits.train)
    updates = -(-sizes // 4)
    assert first.record["usage"]["by_purpose"]["train"]["calls"] == updates * 4 * 9
    assert first.record["data_access"]["train_updates"] == updates
    curve = load_curves(colours.folder / "out")
    assert list(curve["step"]) == list(range(updates + 1))
    assert curve["loss"].notna().sum() == updates and curve["rollouts"].iloc[-1] == updates * 36
    again, other = run(colours, out="elsewhere", agents=3)
    assert again.record["usage"]["by_purpose"]["train"]["calls"] == updates * 4 * 9
    assert not any(call.question.id.startswith("train") for call in other.calls)
    assert again.record["metrics"] == first.record["metrics"]


def test_a_budget_that_ends_within_training_is_gone_on_from(colours, monkeypatch):
    stopped, model = run(colours, request={"budget_calls": 60})
    assert stopped.record is None or stopped.record["status"] != "complete"
    paid = len(model.calls)
    assert 50 <= paid <= 60
    whole, more = run(colours)
    assert whole.record, whole.error
    monkeypatch.setenv("HARNESS_CACHE", str(colours.folder / "another cache"))
    straight, all_of_them = run(colours, out="straight")
    assert paid + len(more.calls) == len(all_of_them.calls)
    assert whole.record["metrics"] == straight.record["metrics"]
    assert purposes(whole.record) == purposes(straight.record)
    kept = [
        load_curves(colours.folder / out)[["step", "reward", "loss", "rollouts"]].to_dict("records")
        for out in ("out", "straight")
    ]
    assert json.dumps(kept[0]) == json.dumps(kept[1])


def test_a_model_that_always_fails_ends_the_training_with_one_line(colours):
    def broken(call):
        raise RuntimeError("no such model")

    grid, *_ = colours.grid(METHOD, broken, request={"twin": False}, **ARGS)
    (result,) = grid.results
    assert not result.record and "none could be scored, as the model failed in all" in str(result.error)


def test_what_was_trained_is_a_folder_that_other_settings_take(colours, tmp_path):
    folder = tmp_path / "credits"
    made = train_policy(
        "classify/custom",
        METHOD,
        "sim/agents",
        to=folder,
        task_args=colours.task_args,
        method_args={**ARGS, "updates": 3},
        store=tmp_path / "store",
        progress=False,
    )
    assert made.total["calls"] == 3 * 4 * 9 + 2 * 128 * 9
    cell = cell_of(
        "classify/custom",
        METHOD,
        "sim/agents",
        0,
        task_args=colours.task_args,
        method_args={**ARGS, "updates": 3},
    )
    with session_of([cell], tmp_path / "store", False, "") as session:
        assert calls_of_cell(cell, session, 4) == made.total["calls"] + 4 * 9
    told = json.loads((folder / "training.json").read_text())
    assert (told["method"], told["updates"], told["from"]) == ("todycomm", 3, "sim/agents")
    taken, model = run(colours, credits=str(folder), agents=5, rounds=4, attack="none")
    assert "16" in str(taken.error) and "384" in str(
        taken.error
    )  # the simulation's vectors are of another width


def test_simulated_agents_of_two_kinds_are_not_trained_on_as_if_they_were_alike(colours, tmp_path):
    def made(n, **args):
        return harness.evaluate(
            "classify/custom",
            METHOD,
            "sim/agents",
            task_args=colours.task_args,
            method_args={**ARGS, "updates": 1, "rounds": 1, "attack": "none"},
            roles={"agent2": "sim/agents"},
            role_args=args,
            twin=False,
            store=tmp_path / str(n),
            progress=False,
        )[0].record

    alike, mixed = made(0, p=0.7), made(1, p=0.1)
    assert alike["usage"]["by_purpose"]["dev"]["calls"] == 2 * 128 * 3  # of the simulation's own questions
    assert mixed["usage"]["by_purpose"]["train"]["calls"] == 4 * 3
    assert mixed["usage"]["by_purpose"]["dev"]["calls"] < 2 * 128 * 3
    with pytest.raises(UsageError, match="text vectors of 8 and 16 numbers"):
        made(2, width=8)


@pytest.mark.parametrize("rate", [0.0, -0.1])
def test_a_rate_at_which_nothing_is_learned_is_refused(rate):
    with pytest.raises(UsageError, match=f"lr={rate} is not above 0"):
        check(registry().method("gptswarm").arguments({"lr": rate}), {})


def test_credits_of_a_folder_draw_nothing_in_a_run():
    spec = registry().method(METHOD)
    drawing = [load_method(spec, spec.arguments(args)).drawing() for args in ({}, {"credits": "a folder"})]
    assert drawing == ["run", "none"]


def test_a_task_without_a_train_split_is_told_what_to_do(lab):
    lab.data(TEST)
    result, _ = run(lab)
    assert "has none; -M credits=FOLDER takes what was learned on another task" in str(result.error)
