"""A method of ten lines in a notebook's cell: evaluated, compared, plotted, edited, evaluated again."""

import os

import pytest

import harness

CELLS = [
    "import harness\nfrom collections import Counter\nfrom dataclasses import dataclass",
    '''class MyVote(harness.Method):
    """Majority of n answers."""

    needs = ("countable",)

    @dataclass
    class Params:
        n: int = 3

    async def answer(self, question, job):
        asked = job.ask(question)
        outputs = [await job.model.generate(question, asked, draw=draw) for draw in range(self.params.n)]
        answers = [job.parse(output.completion, question) for output in outputs]
        return job.outcome(question, outputs[0], answer=Counter(answers).most_common(1)[0][0])''',
    "runs = harness.evaluate('arc1d', ['direct', MyVote], limit=20)\nruns",
    "runs.compare(baseline='direct')",
    "runs.compare(baseline='direct').plot('cost.svg')",
    "print([(r.method, r.value, r.usage['calls'], bool(r.record.get('reused'))) for r in runs])",
    # the same cell with another rule: the last answer instead of the most frequent one, of one more sample
    '''class MyVote(harness.Method):
    """Majority of n answers."""

    needs = ("countable",)

    @dataclass
    class Params:
        n: int = 3

    async def answer(self, question, job):
        return job.outcome(question, await job.model.generate(question, job.ask(question)), answer="none")''',
    """edited = harness.evaluate('arc1d', ['direct', MyVote], limit=20, progress=False)
print([(r.method, r.value, r.usage['calls'], bool(r.record.get('reused'))) for r in edited])""",
    """again = await harness.evaluate_async('arc1d', MyVote, limit=20, progress=False)
print([(r.method, r.value, r.usage['calls'], bool(r.record.get('reused'))) for r in again])""",
    """try:
    harness.evaluate('arc1d', MyVote, limt=20)
except harness.HarnessError as error:
    print(error)""",
]


def text(cell):
    return "".join(output.get("text", "") for output in cell.outputs if output.get("name") == "stdout")


def shown(cell, kind):
    return "".join(
        output.data.get(kind, "") for output in cell.outputs if output.output_type == "execute_result"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the notebook runs."""
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def notebook(folder):
    """The executed cells."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    nbclient.NotebookClient(
        made, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute(env={**kept, "IPYTHONDIR": str(folder / "ipython"), "HARNESS_CACHE": str(folder / "cache")})
    return made.cells


def test_a_method_in_a_cell(notebook, folder, vote):
    _, _, evaluated, compared, plotted, values, _, edited, awaited, wrong = notebook
    for cell in (evaluated, compared):
        assert "<table>" in shown(cell, "text/html") and "my-vote" in shown(cell, "text/html")
        assert "my-vote" in shown(cell, "text/plain")
    assert "difference [95 %]" in shown(compared, "text/plain")
    assert "cost.svg" in shown(plotted, "text/plain") and b"<svg" in (folder / "cost.svg").read_bytes()
    first, second, third = (eval(text(cell)) for cell in (values, edited, awaited))  # noqa: S307
    assert [(method, calls, reused) for method, _, calls, reused in first] == [
        ("direct", 20, False),
        ("my-vote", 60, False),
    ]
    assert second[0] == (*first[0][:3], True)  # what wasn't edited is shown again
    assert second[1] == ("my-vote", 0.0, 20, False)  # what was is never the old number
    assert third == [("my-vote", 0.0, 20, True)]
    assert text(wrong) == "unknown keyword 'limt'; did you mean 'limit' or 'timeout'?\n"
    # the same class from a file is the same method
    (run,) = harness.evaluate("arc1d", vote, "pocket/grid", limit=20, progress=False, store="other")
    assert (run.method, run.value, run.usage["calls"]) == first[1][:3]


def test_progress_is_one_line_that_is_rewritten(notebook):
    evaluated = notebook[2]
    lines = [output for output in evaluated.outputs if output.output_type == "display_data"]
    assert len(lines) == 1 and lines[0].data["text/plain"] == ""  # gone at the end
    assert not [output for output in evaluated.outputs if output.get("name") == "stderr"]
