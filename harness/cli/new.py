"""`harness new`: a working plugin package, with its test."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import click

from harness.base.errors import UsageError

TASK = '''"""The task {name}."""

from __future__ import annotations

from harness.data.hub import Data
from harness.sample import Question, Sample
from harness.sample import Splits
from harness.task import Task


class {title}(Task):
    """Says what is measured. Replace the samples and, if equality isn't enough, `correct`."""

    instruction = "Add the numbers."

    def load(self, data: Data) -> Splits:
        sums = [(a, b) for a in range(5) for b in range(5)]
        return Splits(test=[
            Sample(Question(f"{{a}}+{{b}}", f"{{a}} + {{b}} = ? Reply with the number alone."), str(a + b))
            for a, b in sums
        ])

    def parse(self, text: str, question: Question) -> str | None:
        words = text.strip().split()
        return words[-1] if words and words[-1].isdigit() else None
'''
METHOD = '''"""The method {name}."""

from __future__ import annotations

from harness.job import Job
from harness.method import Method
from harness.sample import Outcome, Question


class {title}(Method):
    """Asks once, and once more if the first reply held no answer."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        messages = job.ask(question)
        output = await job.model.generate(question, messages)
        if job.parse(output.completion, question) is None:
            output = await job.model.generate(question, messages, draw=1)
        return job.outcome(question, output)
'''
TOML = {
    "task": """[task."{name}"]
version = "1-A"
summary = "One line that says what is measured"
entry = "{package}.{name_}:{title}"
licence = "Apache-2.0"
answer = "text"
offers = ["countable"]
""",
    "method": """[method."{name}"]
version = "1-A"
summary = "One line that says how the model is spent"
entry = "{package}.{name_}:{title}"
needs = []
""",
}
TEST = """from harness.testing import check_{kind}


def test_contract():
    check_{kind}("{name}")
"""
PROJECT = """[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{distribution}"
version = "0.1.0"
dependencies = ["harness"]

[project.entry-points."harness.plugins"]
{package} = "{package}"

[tool.setuptools]
packages = ["{package}"]

[tool.setuptools.package-data]
"*" = ["*.toml"]
"""


@click.command("new", epilog="\b\nExample:\n  harness new method my-vote && pip install -e ./my-vote")
@click.argument("kind", type=click.Choice(["task", "method"]))
@click.argument("name")
@click.option("--dir", "folder", metavar="DIR", help="Where to. [default: ./NAME]")
def command(kind: str, name: str, folder: str | None) -> None:
    """Start a plugin package: spec, implementation, test, all working."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UsageError(f"a {kind} is named with small letters, digits and '-', not {name!r}")
    name_ = name.replace("-", "_")
    if keyword.iskeyword(name_):
        raise UsageError(f"{name!r} is a word of Python; choose another name")
    root = Path(folder or name)
    if root.exists() and any(root.iterdir()):
        raise UsageError(f"{root} exists and isn't empty; choose another --dir")
    fields = {
        "kind": kind,
        "name": name,
        "name_": name_,
        "package": f"harness_{name_}",
        "distribution": f"harness-{name}",
        "title": "".join(p.title() for p in name.split("-")),
    }
    package = root / fields["package"]
    (root / "tests").mkdir(parents=True)
    package.mkdir()
    files = {
        root / "pyproject.toml": PROJECT,
        package / "__init__.py": '"""A plugin of harness."""\n',
        package / f"{kind}.toml": TOML[kind],
        package / f"{name_}.py": TASK if kind == "task" else METHOD,
        root / "tests" / f"test_{name_}.py": TEST,
    }
    for path, template in files.items():
        path.write_text(template.format(**fields), "utf-8")
    print(
        f"{root}/ holds a working {kind}. Next:\n  pip install -e {root} && pytest {root}/tests\n"
        f"  harness show {name}"
    )
