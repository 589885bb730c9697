"""Training on simulated agents: it learns what the notes' linear model learned, and goes on after a kill."""

import asyncio

import numpy as np
import pytest

pytest.importorskip("torch")

from harness.methods.agents.attack import Attack  # noqa: E402
from harness.methods.agents.engine import play  # noqa: E402
from harness.methods.agents.measures import auc, credit_measures  # noqa: E402
from harness.methods.agents.simulated import World
from harness.methods.agents.todycomm.todycomm import TodyComm  # noqa: E402
from harness.methods.agents.training.lessons import SimulatedLessons  # noqa: E402
from harness.methods.agents.training.loop import Plan, plan_of, train  # noqa: E402
from harness.model.ledger import Usage  # noqa: E402

WORLD = World(attack=Attack("random", 0.4))


def linear():
    return TodyComm({"cell": "linear", "lr": 0.02})


class Books:
    def __init__(self):
        self.by = {}

    def charge(self, purpose, usage):
        self.by.setdefault(purpose, Usage()).add(usage)

    def afford(self, usage):
        return None

    def asked(self):
        return {purpose: Usage.from_dict(usage.as_dict()) for purpose, usage in self.by.items()}


def test_a_linear_model_learns_to_tell_adversaries_and_beats_the_majority():
    """The notes' reference: .77 after 100 updates, where a majority without messages has .63."""
    accuracy, adversary, benign, apart, shuffled = [], [], [], [], []
    for seed in range(3):
        learner = linear()
        asyncio.run(train(learner, SimulatedLessons(WORLD, seed, 0), Plan(100, 32), seed))
        panel = WORLD.panel(2000, "evaluation")
        found = asyncio.run(play(learner, panel, WORLD.setting(2000, "evaluation")))
        figures = credit_measures(found, panel.flips)
        accuracy.append(panel.right(found.answers).mean())
        adversary.append(figures["credit_adversary"])
        benign.append(figures["credit_benign"])
        apart.append(figures["auc"])
        turned = panel.flips < WORLD.rounds
        permuted = np.random.default_rng(seed).permuted(turned, axis=1)
        shuffled.append(auc(found.decision.credits, permuted))
    assert np.mean(accuracy) > 0.70
    assert max(adversary) < 0.35 and min(benign) > 0.55
    assert min(apart) > 0.75
    assert np.abs(np.array(shuffled) - 0.5).max() < 0.03


class Killed(Exception):
    pass


def test_a_training_that_was_killed_goes_on_with_the_same_curve(tmp_path):
    lessons, plan = SimulatedLessons(WORLD, 3, 20), Plan(17, 8, measure=4, save=5)

    def run(workspace, books, after=lambda row: None):
        learner = TodyComm({"lr": 0.01})
        rows = asyncio.run(train(learner, lessons, plan, 3, workspace=workspace, books=books, after=after))
        return learner, [{k: v for k, v in row.items() if k not in ("seconds",)} for row in rows]

    def kill(row):
        if row["step"] == 13:
            raise Killed

    whole, curve = run(None, Books())
    with pytest.raises(Killed):
        run(tmp_path, Books(), kill)
    (kept,) = tmp_path.glob("checkpoint-*")
    assert kept.name == "checkpoint-10"
    (tmp_path / "checkpoint-15").mkdir()  # a kill while it was written
    (tmp_path / "checkpoint.part").mkdir()
    books = Books()
    again, resumed = run(tmp_path, books)
    assert [row["step"] for row in resumed] == list(range(18))
    assert resumed == curve
    first, second = (x.model.network.state_dict() for x in (whole, again))
    assert all((first[name] == second[name]).all() for name in first)
    # what the process that is gone took is booked too, and paid by nobody again
    assert books.by["train"].calls == 17 * 8 * 24
    assert books.by["train"].cache_hits == 10 * 8 * 24
    assert books.by["dev"].calls == 6 * 20 * 24  # 0, 4, 8, 12, 16 and the last


def test_rows_say_what_was_taken_and_found():
    rows = asyncio.run(train(linear(), SimulatedLessons(WORLD, 0, 50), Plan(2, 8, measure=2), 0))
    before, first, last = rows
    assert before["step"] == 0 and before["rollouts"] == 0 and 0 <= before["dev"] <= 1
    assert "dev" not in first and first["rollouts"] == 8 * 24
    assert {"reward", "success", "loss", "auc", "seconds"} <= set(first)
    assert first["reward"] == pytest.approx(2 * first["success"] - 1)
    assert last["spent"]["dev"]["calls"] == 50 * 24


def test_the_plan_is_one_pass_and_6400_questions_at_most():
    args = {"updates": 0, "batch": 32}
    assert plan_of(args, 100) == Plan(4, 32)
    assert plan_of(args, 7473) == Plan(200, 32)
    assert plan_of(args, 5) == Plan(1, 5)
    assert plan_of(args, 5, endless=True) == Plan(200, 32)
    assert plan_of({"updates": 7, "batch": 4}, 5) == Plan(7, 4)


def test_areas_are_those_of_pairs_of_one_question():
    credits = np.array([[0.9, 0.1, 0.5], [0.2, 0.2, 0.8], [0.3, 0.6, 0.6]])
    turned = np.array([[False, True, True], [True, False, False], [False, False, False]])
    assert auc(credits, turned) == pytest.approx((1 + 0.75) / 2)


def test_ctrl_c_is_heard_between_two_updates():
    """Simulated agents never wait, and a cancelled task ends where it does."""
    rows = []

    async def interrupted():
        training = asyncio.create_task(
            train(linear(), SimulatedLessons(WORLD, 0, 0), Plan(40, 8), 0, rows=rows)
        )
        await asyncio.sleep(0)
        training.cancel()
        with pytest.raises(asyncio.CancelledError):
            await training

    asyncio.run(interrupted())
    assert len(rows) < 40
