"""Worlds that break down: a few are shown as errors, many are no result, and no answer is lost."""

import pytest

from harness import Method, Question, Sample, Splits
from harness.base import messages
from harness.base.errors import WorldBroken, WorldDown, WorldFailed
from harness.episode import play
from harness.run.isolation.forms import error_plainly, raised
from harness.testing import TinyTask
from harness.world import Observation, World
from tests.one_cell import cell_of, rows, run


class Red(World):
    """A world of one question, which may break down instead of asking it."""

    def __init__(self, error):
        self._error, self._said = error, None

    async def start(self):
        if self._error:
            raise self._error
        return Observation([messages.user("red?")], ())

    async def step(self, action):
        self._said = action.text
        return Observation((), (), done=True)

    def answer(self):
        return self._said


class Playing(Method):
    """Answers everything with the model's words, and counts what it asks."""

    needs = ("world",)
    asked = 0

    async def answer(self, question, job):
        async def act(shown, tools):
            Playing.asked += 1
            return await job.model.generate(question, shown)

        return await play(question, job.world(question), act)


@pytest.fixture(autouse=True)
def _count():
    Playing.asked = 0


def played(items, broken, error):
    """A task of so many items of which so many have a world that fails so."""

    class Played(TinyTask):
        left = broken

        def load(self, data):
            return Splits([Sample(Question(f"q{n}", f"{n}: red?"), "red") for n in range(items)])

        def world(self, sample, role):
            return Red(error if int(sample.id[1:]) >= items - type(self).left else None)

    return Played


def one(folder, task):
    (result,) = run(folder, cell_of(Playing, task, offers=("world",))).results
    return result


def test_worlds_that_break_down_too_often_end_the_cell_and_those_alone_are_played_again(tmp_path):
    task = played(20, 3, WorldBroken("FileNotFoundError: db.json"))
    found = one(tmp_path, task)
    assert isinstance(found.error, WorldDown) and found.error.exit_code == 1 and found.record is None
    said = str(found.error)
    assert "broke down at 3 of 20 attempts, the first at 'q17': FileNotFoundError: db.json" in said
    assert Playing.asked == 17 and not list((tmp_path / "store" / "v1").rglob("run.json"))
    task.left = 0
    found = one(tmp_path, task)
    assert found.error is None and Playing.asked == 20, "nothing that was answered is asked again"
    assert found.record["counts"]["ok"] == 20


@pytest.mark.parametrize(
    ("items", "broken", "error", "ends"),
    [
        (1, 1, WorldBroken("gone"), False),
        (2, 2, WorldBroken("gone"), True),
        (39, 2, WorldBroken("gone"), True),
        (40, 2, WorldBroken("gone"), False),
        (20, 20, WorldFailed("the tool simulator failed"), False),
    ],
)
def test_below_the_share_and_what_is_no_break_down_is_shown(tmp_path, items, broken, error, ends):
    found = one(tmp_path, played(items, broken, error))
    assert (found.error is not None) == ends
    if not ends:
        assert found.record["counts"]["error"] == broken
        assert [row["reason"] for row in rows(found.record)][-broken:] == [str(error)] * broken


def test_that_a_world_broke_down_is_known_in_an_isolated_method_too():
    assert type(raised(error_plainly(WorldBroken("gone"), 1))) is WorldBroken
