"""What ran is what the number stands for, whenever and wherever the edit was made."""

import asyncio
import os
from pathlib import Path

import pytest

import harness
from harness.base.errors import HarnessWarning
from harness.registry import registry
from harness.run import code as of_code

TASK = """
from harness import Question, Sample, Splits, Task

class Words(Task):
    "Four words."

    def load(self, data):
        return Splits(test=[Sample(Question(str(n), f"word {n}"), f"word {n}") for n in range(4)])

    def correct(self, answer, sample):
        return answer == sample.target
"""
METHOD = """
import os
import harness
from pathlib import Path

WORD = "old"

class Say(harness.Method):
    "Says a word."

    def __init__(self, file: str = ""):
        self.file = file

    async def answer_all(self, questions, job):
        for question in questions:
            said = {said}
            yield harness.Outcome(question.id, question.epoch, text=said)
            if question.id == "1" and "EDIT" in os.environ:
                name, old, new = os.environ["EDIT"].split("|")
                Path(name).write_text(Path(name).read_text().replace(old, new))
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    lab = tmp_path / "lab"
    lab.mkdir()
    monkeypatch.chdir(lab)
    registry.cache_clear()  # names of files and cells hold for one process
    (lab / "words.py").write_text(TASK)
    return lab


def measure(method="say.py:Say", task="words.py:Words", **options):
    runs = harness.evaluate(task, method, "echo/x", progress=False, **options)
    return [(sorted(set(r.samples["completion"])), bool(r.record.get("reused"))) for r in runs]


@pytest.fixture
def edits(monkeypatch):
    """Has the method itself edit a file after its second answer."""
    return lambda *edit: monkeypatch.setenv("EDIT", "|".join(edit))


def test_a_file_that_is_edited_while_a_grid_runs_is_measured_under_its_own_digest(edits, monkeypatch):
    Path("say.py").write_text(METHOD.replace("{said}", "WORD"))
    edits("say.py", '"old"', '"new"')
    assert measure(seeds=2) == [(["old"], False), (["new"], False)]
    monkeypatch.delenv("EDIT")
    assert measure(seeds=2) == [(["new"], False), (["new"], True)]


def test_a_task_that_is_edited_while_a_grid_runs_is_loaded_again(edits):
    Path("say.py").write_text(METHOD.replace("{said}", "'word 1'"))
    edits("words.py", "answer == sample.target", "answer in (sample.target, 'word 1')")
    runs = harness.evaluate("words.py:Words", "say.py:Say", "echo/x", progress=False, seeds=2)
    assert [run.value for run in runs] == [0.25, 1.0]


@pytest.mark.parametrize("file", ["", "q.txt"])
def test_a_prompt_that_is_edited_while_a_run_goes_is_never_half_of_a_number(file, edits, monkeypatch):
    said = "Path(self.file).read_text()" if file else 'Path(f"prompts/{WORD}.txt").read_text()'
    Path("say.py").write_text(METHOD.replace("{said}", said))
    Path("prompts").mkdir()
    prompt = Path(file or "prompts/old.txt")
    given = {"method_args": {"file": file}}
    prompt.write_text("one")
    assert measure(**given) == [(["one"], False)]
    prompt.write_text("two")
    assert measure(**given) == [(["two"], False)]
    assert measure(**given) == [(["two"], True)]
    prompt.write_text("three")
    edits(str(prompt), "three", "four")
    with pytest.warns(HarnessWarning, match="changed while the run went"):
        (run,) = harness.evaluate("words.py:Words", "say.py:Say", "echo/x", progress=False, **given)
    assert run.status == "failed" and run.value is None
    monkeypatch.delenv("EDIT")
    assert measure(**given) == [(["four"], False)]
    prompt.write_text("three")
    assert measure(**given) == [(["three"], False)], "none of the attempts before the edit came back"


def test_a_method_may_fill_a_table_of_its_own():
    space = {"__name__": "__main__"}
    text = METHOD.replace("{said}", "WORD + str(len(SEEN))").replace("yield", "SEEN.append(1); yield")
    exec(compile("SEEN = []\n" + text, "<cell>", "exec"), space)
    first = harness.evaluate("words.py:Words", space["Say"], "echo/x", progress=False, seeds=2)
    assert len(space["SEEN"]) == 8
    assert len({run.record["code"]["method"]["digest"] for run in first}) == 1, "seeds of one arm"
    assert [reused for _, reused in measure(space["Say"], seeds=2)] == [True, True]
    exec(compile("SEEN = []\n" + text, "<cell>", "exec"), space)  # a kernel that was started again
    assert [reused for _, reused in measure(space["Say"], seeds=2)] == [True, True]


def test_a_class_made_from_a_built_in_is_hashed_with_it():
    Path("mine.py").write_text(
        "from harness.methods.self_consistency.method import SelfConsistency\n"
        "class Mine(SelfConsistency):\n    'Mine.'\n"
    )
    spec = registry().method("mine.py:Mine")
    assert "harness.methods.self_consistency.method" in of_code.files_of(spec)


def test_a_file_may_be_renamed_and_linked():
    Path("say.py").write_text(METHOD.replace("{said}", "WORD"))
    assert measure() == [(["old"], False)]
    os.symlink("say.py", "link.py")
    assert measure("link.py:Say") == [(["old"], True)]
    Path("link.py").unlink()
    Path("say.py").rename("moved.py")
    assert measure("moved.py:Say")[0][0] == ["old"]


def test_another_folder_is_another_place_and_the_same_code(place, monkeypatch):
    Path("say.py").write_text(METHOD.replace("{said}", "WORD"))
    store = str(place / "results")
    assert measure(store=store) == [(["old"], False)]
    (place / "below").mkdir()
    monkeypatch.chdir(place / "below")
    assert measure("../say.py:Say", "../words.py:Words", store=store) == [(["old"], True)]


def test_a_cell_that_is_executed_while_a_run_goes_in_the_background_is_an_edit():
    space = {"__name__": "__main__"}
    text = METHOD.replace("{said}", "WORD").replace(
        "yield", "import asyncio; await asyncio.sleep(0.05); yield"
    )
    exec(compile(text, "<cell>", "exec"), space)

    async def lab():
        run = asyncio.create_task(
            harness.evaluate_async("words.py:Words", space["Say"], "echo/x", progress=False)
        )
        await asyncio.sleep(0.1)
        space["WORD"] = "new"
        try:
            await run
        except harness.HarnessError:
            pass

    asyncio.run(lab())
    assert measure(space["Say"]) == [(["new"], False)]


@pytest.mark.parametrize("where", ["file", "cell"])
@pytest.mark.parametrize(
    "note",
    [
        "open('log.txt', 'a').write('x')",
        "log = Path('log.txt'); log.write_text(str(len(log.read_text()) if log.exists() else 0))",
        "Path('flag').touch()",
    ],
)
def test_what_a_method_writes_is_none_of_its_causes(where, note):
    text = METHOD.replace("{said}", "WORD").replace("yield", note + "; yield")
    Path("say.py").write_text(text)
    space = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), space)
    method = "say.py:Say" if where == "file" else space["Say"]
    assert measure(method) == [(["old"], False)]
    assert measure(method) == [(["old"], True)]
