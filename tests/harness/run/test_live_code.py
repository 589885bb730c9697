"""The digest of a class in memory: every edit that may change an answer, nothing else, in every process."""

import os
import subprocess
import sys
import textwrap
import time

import pytest

import harness
from harness.run.live_code import digest_of, run_of

HEAD = "import harness, functools, re, string, collections, enum, decimal, pathlib, types\n"
METHOD = """
class M(harness.Method):
    async def answer(self, question, job):
        return use()
"""
USE = "\ndef use(): return R"


def made(text, space=None):
    space = {"__name__": "__main__"} if space is None else space
    exec(compile(HEAD + textwrap.dedent(text) + METHOD, "<cell>", "exec"), space)
    return space["M"]


#: a cell with a place for 1 and 2, which say different things
EDITS = {
    "the arguments of a partial": "def h(a): return a\nuse = functools.partial(h, {})",
    "the function of a partial": "def h(a): return {}\nuse = functools.partial(h, 1)",
    "a cached function": "@functools.lru_cache\ndef use(): return {}",
    "a dispatched function": "@functools.singledispatch\ndef use(a): 1\n"
    "@use.register\ndef _(a: int): return {}",
    "a lambda": "use = lambda: {}",
    "a bound method": "class C:\n    def __init__(s, a): s.a = a\n    def go(s): return s.a\nuse = C({}).go",
    "a format": "use = 'answer {}'.format",
    "an expression": "R = re.compile('a{}')" + USE,
    "its flags": "R = re.compile('a', {})" + USE,
    "a template": "R = string.Template('{}')" + USE,
    "a number": "R = decimal.Decimal({})" + USE,
    "a path": "R = pathlib.Path('{}')" + USE,
    "a queue": "R = collections.deque([{}])" + USE,
    "a namespace": "R = types.SimpleNamespace(a={})" + USE,
    "a range": "R = range({})" + USE,
    "bytes": "R = bytearray(b'{}')" + USE,
    "slots": "class C:\n    __slots__ = ('a',)\n    def __init__(s): s.a = {}\nR = C()" + USE,
    "a kind of dict": "class C(dict):\n    def go(s): return {}\nR = C()" + USE,
    "a kind of text": "class C(str):\n    def go(s): return {}\nR = C('x')" + USE,
    "an object in a set": "class C:\n    def go(s): return {}\nR = {{C()}}" + USE,
    "a metaclass": "class T(type):\n    def go(s): return {}\nclass R(metaclass=T): pass" + USE,
    "an enumeration": "class R(enum.Enum):\n    A = {}" + USE,
    "a cached property": "class R:\n    @functools.cached_property\n    def a(s): return {}" + USE,
    "a partial method": "class R:\n    def z(s, a): return a\n    a = functools.partialmethod(z, {})" + USE,
    "an array": "import numpy\nR = numpy.array([{}.0])" + USE,
    "an array of objects": "import numpy\nR = numpy.array(['{}'], dtype=object)" + USE,
    "a table": "import pandas\nR = pandas.DataFrame({{'a': ['{}']}})" + USE,
    "another package's template": "import jinja2\nR = jinja2.Template('{} {{{{x}}}}')" + USE,
    "a model's field": "import pydantic\nclass C(pydantic.BaseModel):\n    a: int = {}\nR = C()" + USE,
    "what is caught": "def use():\n    try:\n        a()\n    except {}: pass",
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_seen_and_the_same_cell_is_the_same(what):
    values = ("OSError", "ValueError") if what == "what is caught" else (1, 2)
    first, other = (EDITS[what].format(value) for value in values)
    assert digest_of(made(first)) == digest_of(made(first))
    assert digest_of(made(first)) != digest_of(made(other))


def test_a_function_without_wraps_is_found_behind_its_decorator():
    def cell(value):
        space = {"__name__": "__main__"}
        text = (
            "def foreign(f):\n    def inner(): return f()\n    inner.__module__ = 'json'\n    return inner\n"
        )
        return made(text + f"@foreign\ndef use(): return {value}", space)

    assert digest_of(cell(1)) == digest_of(cell(1)) != digest_of(cell(2))


def test_a_name_that_is_only_an_attribute_does_not_count():
    cell = "def use(job): return job.model"
    assert digest_of(made("model = 'a'\n" + cell)) == digest_of(made("model = 'b'\n" + cell))


LAB = """
import sys
sys.path.insert(0, {tests!r})
from test_live_code import *
print(digest_of(made(sys.argv[1])))
"""
STABLE = {
    "texts in sets": "R = {'a', 'b', 'c'}, frozenset([('a', 1)]), {'k': {'x', 'y'}}\n"
    "def use(): return R, 1 in {'p', 'q', 'r'}",
    "functions in sets": "R = {(lambda: 1), (lambda: 2)}" + USE,
    "functions in a circle": "def f(): return g(), a, b\ndef g(): return f(), b, a\n"
    "a = 1\nb = []\nb.append(b)\ndef use(): return f, g",
    "locks": "import threading, asyncio\nR = threading.Lock(), asyncio.Semaphore(3)" + USE,
    "threads": "import concurrent.futures as c\nR = c.ThreadPoolExecutor(1), c.ThreadPoolExecutor(2)" + USE,
    "a client": "import httpx\nR = httpx.AsyncClient()" + USE,
    "a model class": "import pydantic\nclass R(pydantic.BaseModel):\n    a: set[str] = {'a', 'b'}" + USE,
}


@pytest.mark.parametrize("what", STABLE)
def test_the_digest_is_the_same_in_every_process(what):
    lab = LAB.format(tests=os.path.dirname(__file__))

    def found(seed):
        done = subprocess.run(
            [sys.executable, "-c", lab, STABLE[what]],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert found("1") == found("2")
    assert digest_of(made(STABLE[what])) == digest_of(made(STABLE[what]))


@pytest.mark.parametrize(
    "text",
    [
        "R = [{'q': str(i)} for i in range(200_000)]",
        "class E: pass\nR = [E() for _ in range(200_000)]",
        "import numpy\nR = numpy.zeros(20_000_000)",
        "class N:\n    def __init__(s, n): s.n = n\nR = None\nfor _ in range(5000): R = N(R)",
        "R = []\nfor _ in range(5000): R = [R, max]",
        "R = 10 ** 6000, float('nan'), '\\ud800', (x for x in [1])",
    ],
)
def test_large_deep_and_odd_values_take_no_time_and_do_no_harm(text):
    method = made(text + USE)
    began = time.process_time()
    digest_of(method)
    assert time.process_time() - began < 3


def test_modules_of_the_users_may_import_each_other(tmp_path, monkeypatch):
    (tmp_path / "circle_a.py").write_text("import circle_b\nA = 1\n")
    (tmp_path / "circle_b.py").write_text("import circle_a\nB = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = "def use():\n    import circle_a\n    return circle_a.A"
    before = digest_of(made(text))
    assert before == digest_of(made(text))
    monkeypatch.setattr(sys.modules["circle_b"], "B", 2)
    assert before != digest_of(made(text))


def test_a_prompt_that_a_cell_names_counts_with_its_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts" / "deep").mkdir(parents=True)
    for text in (
        "def use(): return open('p.txt').read()",
        "R = pathlib.Path('p.txt')" + USE,
        "R = 'p.txt'" + USE,
        "def use(name='p.txt'): return open(name).read()",
        "def use(n): return open(f'prompts/{n}.txt').read()",
        "def use(n): return open(f'prompts/deep/{n}.txt').read()",
        "def use(n): return (pathlib.Path('prompts') / 'deep' / n).read_text()",
    ):
        found = []
        for content in ("one", "two"):
            (tmp_path / "p.txt").write_text(content)
            (tmp_path / "prompts" / "deep" / "x.txt").write_text(content)
            found.append(digest_of(made(text)))
        assert found[0] != found[1], text


def test_what_a_run_changes_is_no_edit_and_what_anybody_else_does_is_one():
    cell = """
    SEEN, COUNT, LEVEL = [], 0, 1
    def counting():
        n = 0
        def count():
            nonlocal n
            n += 1
        return count
    count = counting()
    class Memory:
        calls = 0
    def use():
        global COUNT
        COUNT += 1
        count()
        SEEN.append(COUNT)
        Memory.calls += 1
        Memory.last = COUNT
        return LEVEL
    """
    space = {"__name__": "__main__"}
    method = made(cell, space)
    before = digest_of(method)
    with run_of(method):
        space["use"]()
    assert space["SEEN"] == [1] and digest_of(method) == before
    with run_of(method):
        space["use"]()
    assert digest_of(method) == before
    with run_of(method) as edited:
        space["use"]()
    assert not edited
    with run_of(method) as edited:
        space["use"]()
        space["LEVEL"] = 2  # a cell that was executed meanwhile
    assert edited == ["M"]
    assert digest_of(method) != before
    space["LEVEL"] = 1
    with run_of(method):
        space["use"]()
        space["Memory"].go = lambda self: 1
    assert digest_of(method) != before
    del space["Memory"].go
    space["SEEN"] = [5]
    assert digest_of(method) != before


def test_a_class_made_from_a_built_in_changes_with_it(monkeypatch):
    from harness.run import live_code

    text = (
        "from harness.methods.self_consistency.method import SelfConsistency\n"
        "class M(SelfConsistency):\n    pass\nuse = M"
    )
    space: dict = {"__name__": "__main__"}
    exec(HEAD + text, space)
    before = digest_of(space["M"])
    monkeypatch.setattr(
        live_code, "built_in_digest", lambda module: "other" if "self_consistency" in module else None
    )
    assert digest_of(space["M"]) != before
    assert issubclass(space["M"], harness.Method)
