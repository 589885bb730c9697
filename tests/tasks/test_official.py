"""What becomes of an episode when its package can't go on."""

import pytest

from harness.base.errors import WorldBroken, WorldFailed
from harness.external.workers import WorkerError, WorkerLost
from harness.tasks.official import unplayed


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WorkerError("FileNotFoundError: db.json"), WorldBroken),
        (WorkerError("KeyError: 'flight'", broken=False), WorldFailed),
        (WorkerLost("a worker took longer than 60 s"), WorldFailed),  # as an agent's own calls may
    ],
)
def test_a_world_is_broken_where_no_agent_could_play_it(error, kind):
    assert type(unplayed(error)) is kind and str(unplayed(error)) == str(error)
