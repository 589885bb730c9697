"""A folder of its own with its own cache for every test, and a registry that knows nothing of the others."""

import pytest

from harness.registry import registry


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    for name in ("HARNESS_MODEL", "HARNESS_MIRROR", "HARNESS_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()
    yield tmp_path
    registry.cache_clear()


@pytest.fixture
def vote(place):
    """A method of ten lines in a file: its class, as an import of the file gives it."""
    (place / "vote.py").write_text(VOTE)
    return "vote.py:MyVote"


VOTE = '''"""A majority."""

from collections import Counter
from dataclasses import dataclass

import harness


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
'''
