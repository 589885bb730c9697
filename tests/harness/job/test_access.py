"""What a method read is counted, and isn't taken back."""

import pytest

from harness.base.errors import UsageError
from harness.data.hub import Data
from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.spec import MethodSpec
from harness.testing import TINY, TinyTask, Watched, check_method


@pytest.fixture
def job():
    task = TinyTask(TINY, {})
    spec = MethodSpec("reads", "1-A", "reads", "nowhere:Reads", needs=("pool",))
    models = Models(Model(Watched(), ledger=Ledger(), budget=Budget()))
    return Job(task=task, method=spec, splits=task.load(Data()), models=models)


def test_what_was_read_stays_and_what_is_noted_may_change(job):
    assert len(job.data.pool) == 12
    job.access["steps"], job.access["pool_size"] = 5, 0
    job.access["steps"] = 3
    job.access.update({"pool_size": 1, "rollouts": 2})
    assert job.access == {"pool_size": 12, "steps": 3, "rollouts": 2}
    job.access["pool_size"] = 20
    assert job.access["pool_size"] == 20 and "3" in repr(job.access) and len(job.access) == 3


@pytest.mark.parametrize("way", ["clear", "pop", "popitem", "__delitem__", "setdefault"])
def test_nothing_is_removed(job, way):
    assert not hasattr(job.access, way)
    with pytest.raises(AttributeError):
        job.access = {}


COUNTS = [("x", -1), ("x", 1.5), ("x", "1"), ("x", 10**16), ("", 1), (3, 1)]


@pytest.mark.parametrize(("name", "count"), COUNTS)
def test_counts_are_counts(job, name, count):
    with pytest.raises(UsageError, match="method 'reads': job.access"):
        job.access[name] = count


def test_the_job_holds_no_target_and_nothing_undeclared(job):
    assert [sample.target for sample in job._splits.test] == [None] * 6 and len(job._splits.test[:2]) == 2
    assert job._splits.train == () and job._splits.dev == () and len(job._splits.pool) == 12
    with pytest.raises(IndexError):
        job._splits.test[6]


SPYING = """
import harness
from harness.sample import Outcome

class Spying(harness.Method):
    '''Looks where it mustn't.'''

    name = "{name}"

    async def answer(self, question, job):
        {reach}
        return Outcome(question.id, question.epoch, "red")
"""
REACHES = [
    ("job._splits", "job._splits"),
    ("getattr(job, '_ta' + 'sk')", "job._task"),
    ("vars(job)", "job.__dict__"),
    ("job.data._splits.test", "job.data._splits"),
]


@pytest.mark.parametrize(("reach", "named"), REACHES)
def test_the_kit_warns_of_reaches_for_what_is_private(tmp_path, reach, named):
    file, name = tmp_path / "spying.py", f"spying-{REACHES.index((reach, named))}"
    file.write_text(SPYING.format(reach=reach, name=name))
    with pytest.warns(UserWarning, match=rf"{name} reaches for private attributes of its job \({named}\): "):
        check_method(f"{file}:Spying")


def test_the_kit_has_nothing_to_say_of_others(recwarn):
    check_method("self-consistency")
    assert not [each for each in recwarn if "private" in str(each.message)]
