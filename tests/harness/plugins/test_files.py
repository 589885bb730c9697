"""A method in one file: found by its address, imported anew when its code or a helper's has changed."""

import pickle
import sys
from pathlib import Path

import pytest

from harness.base.errors import PluginError, UsageError
from harness.cli import main
from harness.plugins.files import code_files
from harness.registry import load_method, registry
from harness.testing import check_method

VOTE = """
from harness.method import Method

class MyVote(Method):
    '''Votes.'''
    needs = ("countable",)
    class Params:
        n: int = 5
    async def answer(self, question, job):
        return job.outcome(question, await job.model.generate(question, job.ask(question)))
"""


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    registry.cache_clear()
    before = set(sys.modules)
    yield
    registry.cache_clear()
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "code"
    made.mkdir()
    return made


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


BORROWED = """
import dataclasses, harness, parts

class Borrowed(harness.Task):
    load, score = parts.load, parts.score

@dataclasses.dataclass
class Made:
    n: int = 1

class Generated(Borrowed):
    __eq__ = Made.__eq__
    __hash__ = None
"""
PARTS = """
import harness

def load(self, data):
    items = [harness.Sample(harness.Question(f"q{n}", f"say {n}"), f"{n}") for n in range(3)]
    return harness.Splits(items)

def score(self, sample, outcome):
    return harness.Score({"accuracy": float(outcome.text == sample.target)})
"""


@pytest.mark.parametrize("name", ["Borrowed", "Generated"])
def test_a_class_is_of_the_file_that_it_stands_in_wherever_its_functions_are_from(folder, monkeypatch, name):
    file = write(folder / "borrowed.py", BORROWED)
    write(folder / "parts.py", PARTS)
    monkeypatch.chdir(folder)
    spec = registry().task(f"borrowed.py:{name}")
    assert (spec.origin, spec.path, spec.entry) == ("file", file, f"borrowed.py:{name}")
    assert registry().as_it_is_now(spec).implementation is spec.implementation
    assert {path.name for path in code_files(folder / "borrowed.py")} == {"borrowed.py", "parts.py"}


def test_found_by_address(folder, monkeypatch):
    file = write(folder / "vote.py", VOTE)
    spec = registry().method(f"{file}:MyVote")
    assert (spec.name, spec.origin, spec.path, spec.entry) == ("my-vote", "file", file, "vote.py:MyVote")
    assert registry().method(file).name == "my-vote"
    monkeypatch.chdir(folder)
    assert registry().match("method", "cot, vote.py:MyVote,vote.py") == ["cot", "my-vote"]
    assert registry().method("my-vote").params["n"].default == 5
    check_method("vote.py:MyVote", n=3)


def test_an_unchanged_file_is_the_same_class_and_pickles(folder):
    file = write(folder / "vote.py", VOTE)
    first = registry().method(file)
    assert registry().method(file).implementation is first.implementation
    made = load_method(first, first.arguments({"n": 7}))
    assert type(pickle.loads(pickle.dumps(made))) is first.implementation


def test_an_edit_is_seen_at_once(folder):
    file = write(folder / "vote.py", VOTE)
    assert registry().method(file).params["n"].default == 5
    for n in range(4):  # as fast as can be: neither size nor second tells them apart
        write(folder / "vote.py", VOTE.replace("n: int = 5", f"n: int = {n}"))
        assert registry().method(file).params["n"].default == n
        assert registry().method("my-vote").params["n"].default == n


HELPED = VOTE.replace("from harness.method", "from prompts import N\nfrom harness.method").replace(
    "= 5", "= N"
)


def test_helper_modules_are_imported_anew_too(folder):
    write(folder / "numbers_of_ours.py", "N = 1")
    write(folder / "prompts.py", "from numbers_of_ours import N")
    file = write(folder / "vote.py", HELPED)
    assert registry().method(file).params["n"].default == 1
    assert [path.name for path in code_files(Path(file))] == ["numbers_of_ours.py", "prompts.py", "vote.py"]
    for n in (2, 3):  # the helper's helper alone
        write(folder / "numbers_of_ours.py", f"N = {n}")
        assert registry().method(file).params["n"].default == n
    package = folder / "prompts"
    (folder / "prompts.py").unlink()
    package.mkdir()
    write(package / "__init__.py", "from .deep import N")
    write(package / "deep.py", "N = 7")
    assert registry().method(file).params["n"].default == 7
    write(package / "deep.py", "N = 8")
    assert registry().method(file).params["n"].default == 8
    assert str(folder) not in sys.path


def test_a_helper_that_is_imported_later_is_forgotten_before_the_next_run(folder, monkeypatch):
    write(folder / "later_of_ours.py", "N = 1")
    file = write(folder / "vote.py", VOTE)
    registry().method(file)
    with monkeypatch.context() as here:  # as in a script of that folder
        here.syspath_prepend(str(folder))
        import later_of_ours

        assert later_of_ours.N == 1
        write(folder / "later_of_ours.py", "N = 22")
        registry().method(file)
        import later_of_ours as again

        assert again.N == 22


def test_helpers_of_the_same_name_in_two_folders(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for place, n in ((folder, 1), (other, 2)):
        write(place / "prompts.py", f"N = {n}")
        write(place / "vote.py", HELPED.replace("MyVote", f"Vote{n}"))
    first, second = folder / "vote.py", other / "vote.py"
    for file, n in ((first, 1), (second, 2), (first, 1), (second, 2)):
        assert registry().method(str(file)).params["n"].default == n
    write(folder / "prompts.py", "N = 3")
    assert registry().method(str(first)).params["n"].default == 3
    assert registry().method(str(second)).params["n"].default == 2


def test_two_files_of_one_name_have_modules_of_their_own(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    one = registry().method(write(folder / "vote.py", VOTE))
    two = registry().method(write(other / "vote.py", VOTE.replace("MyVote", "Other")))
    assert one.implementation.__module__ != two.implementation.__module__
    assert pickle.loads(pickle.dumps(one.implementation)) is one.implementation
    with pytest.raises(UsageError, match="vote.py:MyVote: vote.py:MyVote has the name 'my-vote' too"):
        registry().method(write(other / "vote.py", VOTE))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\nclass A(:\n", "vote.py:2: SyntaxError: invalid syntax (while vote.py was imported)"),
        ("x = 1\n\ny = nope\n", "vote.py:3: NameError: name 'nope' is not defined"),
        ("def f():\n    raise ValueError('two\\nlines')\nf()\n", "vote.py:2: ValueError: two lines"),
        ("import sys\nsys.exit(3)\n", "vote.py:2: it called sys.exit(3)"),
        (
            "import helper_of_ours\n",
            "helper_of_ours.py:1: ZeroDivisionError: division by zero (while vote.py",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line(folder, text, said):
    write(folder / "helper_of_ours.py", "1 / 0")
    file = write(folder / "vote.py", text)
    with pytest.raises(PluginError) as error:
        registry().method(f"{file}:MyVote")
    assert str(error.value).startswith(said) and "\n" not in str(error.value)
    write(folder / "vote.py", VOTE)
    assert registry().method(file).name == "my-vote"


def test_a_wrong_address_is_one_line(folder):
    file = write(folder / "vote.py", VOTE + VOTE.replace("MyVote", "Second") + "x = 3\n")
    for address, said in (
        (f"{file}:MyVot", "has no MyVot; did you mean 'MyVote'"),
        (file, "holds 2 methods: MyVote, Second; name one, as in"),
        (f"{file}:x", "vote.py:x is not a subclass of harness.Method"),
        (f"{folder}/none.py:MyVote", "none.py; give a method as path/to/file.py:Class"),
    ):
        with pytest.raises(UsageError) as error:
            registry().method(address)
        assert said in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UsageError, match="vote.py:MyVote is a method, not a task"):
        registry().task(f"{file}:MyVote")
    with pytest.raises(UsageError, match="holds no task; a subclass of harness.Task is one"):
        registry().task(file)


def test_a_base_class_in_the_same_file_is_no_second_method(folder):
    file = write(folder / "vote.py", VOTE + "class Better(MyVote):\n    pass\n")
    assert registry().method(file).name == "better"


def test_a_run_from_a_file(folder, tmp_path, monkeypatch, capsys):
    write(folder / "vote.py", VOTE)
    monkeypatch.chdir(folder)
    arguments = "eval --task arc1d -T level=1 --method vote.py:MyVote -M n=3 --limit 2 --model echo/x --json"
    monkeypatch.setattr(sys, "argv", ["harness", *arguments.split(), "--store", str(tmp_path / "store")])
    with pytest.raises(SystemExit) as stop:
        main()
    out = capsys.readouterr()
    assert not stop.value.code, out.err
    assert '"my-vote"' in out.out


CRITIC = VOTE.replace('needs = ("countable",)', 'roles = ("critic",)\n    needs = ("critic",)').replace(
    "question, await", "question, await job.role('critic').generate(question, job.ask(question)) and await"
)


def test_a_role_of_the_methods_own(folder, tmp_path, monkeypatch, capsys):
    write(folder / "vote.py", CRITIC)
    monkeypatch.chdir(folder)

    def run(*more):
        arguments = (
            "eval --task arc1d -T level=1 --method vote.py --limit 2 --model echo/x --json --store".split()
        )
        monkeypatch.setattr(sys, "argv", ["harness", *arguments, str(tmp_path / "store"), *more])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code or 0, capsys.readouterr()

    code, out = run()
    assert code == 2 and "method 'my-vote' needs --role critic=MODEL" in out.err
    code, out = run("--role", "critic=echo/y")
    assert code == 0, out.err
