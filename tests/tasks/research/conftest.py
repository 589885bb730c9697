"""A task of the family with the corpus of a run, without one."""

import pytest

from harness.data.hub import Data
from harness.external.services import Services
from harness.registry import load_task, registry


class Loaded:
    """A task, its splits, and worlds as a run gives them."""

    def __init__(self, name, embed=None, **args):
        spec = registry().task(name)
        self.task = load_task(spec, spec.arguments(args))
        self.splits = self.task.load(Data())
        self.services = Services(corpus=self.splits.corpus, embed=embed)
        self.running = self.task.for_run(self.services)

    def world(self, place=0, role=None):
        return self.running.world(self.splits.test[place], role)


@pytest.fixture
def load():
    made = []

    def loaded(name, **args):
        made.append(Loaded(name, **args))
        return made[-1]

    yield loaded
    for each in made:
        each.services.close()
