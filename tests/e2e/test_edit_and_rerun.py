"""Edited code never shows an old number, and no record holds answers of two versions.

(method, scorer, prompt file, helper module) x (package, file, cell) x (edited after a run, edited half way),
each in one process, as a notebook has it; and across processes, with a kill -9 half way.
"""

import json
import os
import textwrap

import pytest

METHOD = """
import asyncio, os, signal
from dataclasses import dataclass, field
from pathlib import Path
{import_helper}
from harness import Method, Outcome

class Say(Method):
    "Says a word."

    {parameters}

    async def answer(self, question, job):
        await asyncio.sleep(0.005 * int(question.id))
        if question.id == "5" and Path("stop").exists():
            if Path("stop").read_text() == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(60)
        word = "yes"  # the method
        return Outcome(question.id, question.epoch, text=word + ending() + {prompt})
"""
HELPER = """
def ending():
    return "!"  # the helper
"""
TASK = """
from harness import Question, Sample, Splits, Task

class Words(Task):
    "Eight words."
    metrics = {"accuracy": 1.0}

    def load(self, data):
        return Splits(test=[Sample(Question(str(n), f"word {n}"), f"word {n}") for n in range(8)])

    def correct(self, answer, sample):
        return answer == sample.target  # the scorer
"""
#: what is edited: a line of which part, and what stands there after it
EDITS = {
    "method": ("method", 'word = "yes"', 'word = "nay"'),
    "helper": ("helper", 'return "!"', 'return "?"'),
    "scorer": ("task", "return answer == sample.target", "return answer in (sample.target, 'yes!p1')"),
    "prompt": ("prompt", "p1", "p2"),
}

LAB = """
import json, sys
from pathlib import Path
import harness

where, what = sys.argv[1:3]
EDITS = json.loads(Path("edits.json").read_text())
FILES = json.loads(Path("files.json").read_text())

def main_cell(part):
    exec(compile(Path(FILES[part]).read_text(), f"<cell {part}>", "exec"), globals())

if where == "cell":
    for part in ("helper", "task", "method"):
        main_cell(part)

def edit(what):
    part, old, new = EDITS[what]
    path = Path(FILES[part])
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    if where == "cell" and part != "prompt":
        main_cell(part)

def measure():
    task, method = {"package": ("words", "say"), "file": ("task.py:Words", "method.py:Say")}.get(
        where) or (Words, Say)
    runs = harness.evaluate(task, method, "echo/x", progress=False,
                            **({} if where == "package" else {"method_args": {"prompt": "prompt.txt"}}))
    (run,) = runs
    said = set(run.samples["completion"])
    return [sorted(said), run.record["metrics"]["accuracy"]["value"], bool(run.record.get("reused")),
            run.record["run_id"]]

seen = {}
if sys.argv[3:] == ["once"]:
    print(json.dumps(measure())); sys.exit()
seen["first"] = measure()
seen["again"] = measure()
edit(what)
seen["edited"] = measure()
# now back, and half way
if what == "method":
    EDITS[what] = ["method", 'word = "nay"', 'word = "hmm"']
elif what == "helper":
    EDITS[what] = ["helper", 'return "?"', 'return "..."']
elif what == "scorer":
    more = "return answer in (sample.target, 'yes!p1', 'no')"
    EDITS[what] = ["task", "return answer in (sample.target, 'yes!p1')", more]
else:
    EDITS[what] = ["prompt", "p2", "p3"]
import shutil
shutil.rmtree("results")
Path("stop").write_text("interrupt")
try:
    measure()
    seen["stopped"] = False
except KeyboardInterrupt:
    seen["stopped"] = True
Path("stop").unlink()
edit(what)
seen["half way"] = measure()
print(json.dumps(seen))
"""


@pytest.fixture
def place(tmp_path):
    def make(where):
        lab = tmp_path / "lab"
        lab.mkdir()
        texts = {"method": METHOD, "helper": HELPER, "task": TASK}
        filling = {
            "package": (
                "from saying.helper import ending",
                "pass",
                'Path(__file__).with_name("prompt.txt").read_text()',
            ),
            "file": ("from helper import ending", FILE_PARAMETERS, "Path(self.args['prompt']).read_text()"),
            "cell": ("", FILE_PARAMETERS, "Path(self.args['prompt']).read_text()"),
        }[where]
        texts["method"] = METHOD.format(import_helper=filling[0], parameters=filling[1], prompt=filling[2])
        folder = lab / "saying" if where == "package" else lab
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name}.py").write_text(text)
        (folder / "prompt.txt").write_text("p1")
        files = {name: str(folder / f"{name}.py") for name in texts} | {"prompt": str(folder / "prompt.txt")}
        if where == "package":
            (folder / "__init__.py").write_text("")
            (folder / "task.toml").write_text(
                '[task.words]\nversion = "1-A"\nsummary = "Eight words"\nentry = "saying.task:Words"\n'
            )
            (folder / "method.toml").write_text(
                '[method.say]\nversion = "1-A"\nsummary = "Says a word"\nentry = "saying.method:Say"\n'
            )
            info = lab / "saying-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: saying\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text("[harness.plugins]\nsaying = saying\n")
            (info / "direct_url.json").write_text(
                json.dumps({"url": lab.as_uri(), "dir_info": {"editable": True}})
            )
        (lab / "files.json").write_text(json.dumps(files))
        (lab / "edits.json").write_text(json.dumps(EDITS))
        (lab / "lab.py").write_text(LAB)
        return lab

    return make


FILE_PARAMETERS = textwrap.indent(
    textwrap.dedent(
        """
        @dataclass
        class Params:
            prompt: str = field(default="", metadata={"file": True})
        """
    ),
    "    ",
).strip()


@pytest.fixture
def go(warm):
    def go(lab, *arguments):
        others = os.environ.get("PYTHONPATH", "")
        paths = os.pathsep.join(filter(None, [str(lab), others]))
        there = {**os.environ, "HARNESS_CACHE": str(lab / "cache"), "PYTHONPATH": paths}
        return warm.run(["lab.py", *arguments], lab, there)

    return go


AFTER = {
    "method": (["nay!p1"], 0.0),
    "helper": (["yes?p1"], 0.0),
    "scorer": (["yes!p1"], 1.0),
    "prompt": (["yes!p2"], 0.0),
}
HALF_WAY = {
    "method": (["hmm!p1"], 0.0),
    "helper": (["yes...p1"], 0.0),
    "scorer": (["yes!p1"], 1.0),
    "prompt": (["yes!p3"], 0.0),
}


@pytest.mark.parametrize("what", EDITS)
@pytest.mark.parametrize("where", ["package", "file", "cell"])
def test_an_edit_is_measured(place, go, where, what):
    done = go(place(where), where, what)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    said, value, reused, run = seen["first"]
    assert (said, value, reused) == (["yes!p1"], 0.0, False)
    assert seen["again"] == [["yes!p1"], 0.0, True, run], "what did not change is shown, not run again"
    assert tuple(seen["edited"][:2]) == AFTER[what] and not seen["edited"][2]
    assert seen["edited"][3] != run
    assert seen["stopped"], "the run was interrupted half way"
    assert tuple(seen["half way"][:2]) == HALF_WAY[what] and not seen["half way"][2]


@pytest.mark.parametrize("where", ["package", "file", "cell"])
def test_a_killed_run_is_not_finished_by_other_code(place, go, where):
    lab = place(where)
    (lab / "stop").write_text("kill")
    assert go(lab, where, "method", "once").returncode == -9
    assert list(lab.glob("results/.running/*/samples.jsonl"))
    (lab / "stop").unlink()
    method = json.loads((lab / "files.json").read_text())["method"]
    with open(method) as file:
        text = file.read()
    with open(method, "w") as file:
        file.write(text.replace('word = "yes"', 'word = "nay"'))
    done = go(lab, where, "method", "once")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])[:3] == [["nay!p1"], 0.0, False]
