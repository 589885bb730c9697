"""Hostile arguments and files, and the line that each ends with: no traceback, no escape, nothing kept."""

import gzip
import json

import pytest

from tests.harness.data.test_bombs import BOMBS

ESC = "\x1b[31m\u202e\x07\x9b"
SHOWN = "\\x1b[31m\\u202e\\x07\\x9b"
BAD = "\udcff\udcfe"  # bytes that are no UTF-8, as Python gives them
NOT_UTF8 = "is not text in UTF-8: '\\udcff\\udcfe'"
EVAL = ("eval", "--task", "arc1d", "-T", "level=1", "--limit", "1")

#: arguments, and what the line says
ARGUMENTS = [
    ((ESC,), f"no command '{SHOWN}'"),
    ((BAD,), NOT_UTF8),
    (("",), "no command ''"),
    (("eval", f"--{ESC}"), f"No such option '--{SHOWN}'"),
    (("eval", "--task", ESC), f"matches '{SHOWN}'"),
    (("eval", "--task", "arc1d" + ESC), f"matches 'arc1d{SHOWN}'"),
    (("eval", "--task", BAD), NOT_UTF8),
    (("eval", "--task", "x" * 100_000), "unknown task 'xxx"),
    (("eval", "--task", "a\nerror: forged"), "unknown task 'a\\nerror: forged'"),
    ((*EVAL, "--method", ESC), f"matches '{SHOWN}'"),
    ((*EVAL, "--method", f"{ESC}.py:X"), f"no file {SHOWN}.py"),
    ((*EVAL, "--method", "no\x00.py:X"), "no file no\\x00.py"),
    ((*EVAL, "--method", f"m.py:{ESC}"), "is not path/to/file.py:Class"),
    ((*EVAL, "--method", BAD), NOT_UTF8),
    ((*EVAL, "--model", ESC), "a model is written provider/name"),
    ((*EVAL, "--model", f"{ESC}/x"), f"can't open the model '{SHOWN}/x'"),
    ((*EVAL, "--store", BAD), NOT_UTF8),
    ((*EVAL, "--mirror", BAD), NOT_UTF8),
    ((*EVAL, "--mirror", ESC), f"the mirror {SHOWN} is not a folder"),
    ((*EVAL, "--config", ESC), f"--config {SHOWN}: No such file"),
    ((*EVAL, "--config", BAD), NOT_UTF8),
    ((*EVAL, "--role", f"{ESC}=x"), f"--role {SHOWN}:"),
    ((*EVAL, "-M", f"{ESC}=x"), f"has no parameter '{SHOWN}'"),
    ((*EVAL, "-M", f"prompt=@{ESC}"), f"can't read the file '{SHOWN}'"),
    ((*EVAL, "-M", "prompt=@/"), "Is a directory"),
    ((*EVAL, "--model-arg", "x=[&a [*a]]"), "an alias stands for what holds it"),
    ((*EVAL, "--model-arg", "x=" + "[" * 300), "nested too deeply"),
    ((*EVAL, "-G", "temperature=[&a [*a]]"), "an alias stands for what holds it"),
    ((*EVAL, "-G", "temperature=" + "9" * 400 + ".0"), "temperature must be"),
    ((*EVAL, "-G", f"{ESC}=1"), SHOWN),
    ((*EVAL, "--limit", "9" * 5000), "Invalid value for '--limit'"),
    ((*EVAL, "--seeds", "9" * 30), "--seeds must be at most 100,000"),
    ((*EVAL, "--epochs", "9" * 30), "--epochs must be at most 100,000"),
    ((*EVAL, "--temperature", "nan"), "temperature must be at least 0, not nan"),
    ((*EVAL, "--budget-time", "nan"), "must be at least 0, not nan"),
    (("results", ESC), f"No such command '{SHOWN}'"),
    (("results", "list", "--store", ESC), f"no result store at {SHOWN}"),
    (("results", "export", "--out", BAD), NOT_UTF8),
    (("results", "retract", ESC, "--reason", "x"), SHOWN),
    (("results", "diff", ESC, ESC), SHOWN),
    (("show", ESC), f"no task, method or run '{SHOWN}'"),
    (("show", BAD), NOT_UTF8),
    (("compare", "--store", ESC), f"no runs to compare in {SHOWN}"),
    (("compare", "--baseline", BAD), NOT_UTF8),
    (("baseline", "set", ESC), f"not '{SHOWN}'"),
    (("baseline", "set", "../../x"), "made of letters, digits"),
    (("baseline", "set", "a\x00b"), "not 'a\\x00b'"),
    (("baseline", "show", "../../x"), "../../x"),
    (("check", "--config", ESC), f"can't read {SHOWN}"),
    (("power", ESC), f"unexpected '{SHOWN}'"),
    (("new", "task", ESC), f"not '{SHOWN}'"),
    (("new", "method", "../x"), "not '../x'"),
    (("list", ESC), f"'{SHOWN}' is not one of"),
    (("setup", ESC), f"nothing to set up is called '{SHOWN}'"),
    (("leaderboard", "build", "--out", BAD), NOT_UTF8),
    (("leaderboard", "build", "--store", ESC, "--out", "o"), SHOWN),
    (("score", "--task", "arc1d", "--responses", ESC), f"no responses file {SHOWN}"),
    (("score", "--task", "arc1d", "--responses", BAD), NOT_UTF8),
    (("checklist", ESC), f"No such command '{SHOWN}'"),
    (("train", "--task", ESC, "--method", "curator", "--to", "x"), SHOWN),
]
#: a file of `--config`, `checks.yaml` or harness.toml, and what the line says
SETTINGS = [
    ("run.yaml", b"task: &a [*a]\n", "an alias stands for what holds it"),
    ("run.yaml", b"task: " + b"[" * 300, "nested too deeply"),
    ("run.yaml", b"task: !!python/object:os.system x\n", "can't be read here"),
    ("run.yaml", b"task: \xff\n", "run.yaml"),
    ("run.yaml", b"\x1b: 1\n", "special characters"),
    ("run.yaml", b'"\\e[31m": 1\n', "unknown key '\\x1b[31m'"),
    ("run.yaml", b'task: arc1d\nstore: "a\\0b"\n', "null byte"),
    ("checks.yaml", b"margin: &a [*a]\n", "an alias stands for what holds it"),
    ("checks.yaml", b"[" * 300, "nested too deeply"),
    ("harness.toml", b"model = " + b"[" * 3000, "nested too deeply"),
    ("harness.toml", b'"\\u001b[31m" = 1\n', "unknown key '\\x1b[31m'"),
    ("harness.toml", b"\xff", "harness.toml"),
]


@pytest.fixture
def fails(command, tmp_path):
    """Runs a command that must end with one line, that says so, and keep nothing."""

    def run(arguments, says):
        done = command(*arguments)
        assert (done.code, done.out, len(done.errors)) == (2, "", 1), (done.code, done.out, done.err)
        assert says in done.errors[0], done.err
        assert len(done.errors[0]) < 4200 and "Traceback" not in done.err
        assert all(line.isprintable() for line in done.err.split("\n"))
        assert not [*tmp_path.glob("*/v1/**/run.json"), *tmp_path.parent.glob("x*")]

    return run


@pytest.mark.parametrize(("arguments", "says"), ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_arguments(fails, arguments, says):
    fails(arguments, says)


@pytest.mark.parametrize(("name", "text", "says"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings(fails, tmp_path, name, text, says):
    (tmp_path / name).write_bytes(text)
    own = {"run.yaml": ("eval", "--config", name), "checks.yaml": ("check", "--config", name)}
    fails(own.get(name, ("eval", "--task", "arc1d", "--limit", "1")), says)


@pytest.mark.parametrize("name", ["HARNESS_MIRROR", "HARNESS_MODEL", "HARNESS_CACHE"])
def test_variables(fails, monkeypatch, name):
    monkeypatch.setenv(name, BAD)
    fails(EVAL, f"the variable {name} {NOT_UTF8}")


#: code of a method, and what the line says of it
METHODS = {
    "import": (
        "raise RuntimeError('\\x1b[31mboom\\nerror: forged')",
        "RuntimeError: \\x1b[31mboom error: forged",
    ),
    "syntax": ("def \x1b[31m(", "SyntaxError"),
    "name": ("name = '=evil\\x1b[2J'", "not '=evil\\x1b[2J'"),
    "needs": ("needs = ('\\x1b[31m',)", "needs '\\x1b[31m'"),
    "answer": (
        "async def answer(self, question, job):\n"
        "        raise ValueError('\\x1b[31m\\u202eboom\\nerror: forged')",
        "ValueError: \\x1b[31m\\u202eboom",
    ),
}


@pytest.mark.parametrize("kind", METHODS)
def test_faults_of_plugins_are_quoted_and_not_obeyed(command, tmp_path, kind):
    code, says = METHODS[kind]
    text = f"import harness\nclass M(harness.Method):\n    '''Evil.'''\n    {code}\n"
    (tmp_path / "m.py").write_text(text if kind not in ("import", "syntax") else code)
    done = command(*EVAL, "--method", "m.py:M")
    assert done.code in (1, 2) and any(says in line for line in done.errors), done.err
    assert all(line.isprintable() for line in done.err.split("\n")) and "Traceback" not in done.err
    assert not [line for line in done.err.split("\n") if line.startswith("error: forged")]


def row(**fields):
    return json.dumps({"index": 0, "completion": "x", **fields}).encode() + b"\n"


def raw(fields):
    """A row whose JSON is written by hand."""
    return b'{"index": 0, "completion": "x", ' + fields + b"}\n"


#: a file of responses, and what the line says; None where it is scored
RESPONSES = [
    ("a.jsonl", b"", "is empty"),
    ("a.jsonl", b"\n\n  \n", "is empty"),
    ("a.jsonl", b"null\n", "line 1: not an object"),
    ("a.jsonl", b"3\n", "line 1: not an object"),
    ("a.json", b"[1, 2]", "line 1: not an object"),
    ("a.jsonl", raw(b'"more": ' + b"[" * 99_999 + b"]" * 99_999), "broken JSON: nested too deeply"),
    ("a.jsonl", b'{"a": ' * 50_000 + b"1" + b"}" * 50_000, "broken JSON: nested too deeply"),
    ("a.jsonl", raw(b'"index": ' + b"9" * 5000), "names 'index' twice"),
    ("a.jsonl", b'{"index": ' + b"9" * 5000 + b', "completion": "x"}', "'index' is not a whole number"),
    ("a.jsonl", b'{"index": 1e400, "completion": "x"}', "'index' is not a whole number: '1e400'"),
    ("a.jsonl", row(index=10**18), "unknown index 1000000000000000000"),
    ("a.jsonl", row(index=-1), "unknown index -1"),
    ("a.jsonl", row(index=True), "'index' is not a whole number: 'true'"),
    ("a.jsonl", row(index=[1, 2]), "'index' is not text, but 2 values"),
    ("a.jsonl", row(index={"a": 1}), "'index' is not a whole number: '{\"a"),
    ("a.jsonl", raw(b'"epoch": 1e400'), "'epoch' is not a whole number"),
    ("a.jsonl", row(epoch=10**30), "'epoch' is from 0 to 100,000"),
    ("a.jsonl", row(epoch=-1), "'epoch' is from 0 to 100,000, not -1"),
    ("a.jsonl", row(epoch=0.5), "'epoch' is not a whole number: '0.5'"),
    ("a.jsonl", row(epoch="1_0"), "'epoch' is not a whole number: '1_0'"),
    ("a.jsonl", raw(b'"confidence": Infinity'), "'confidence' is not a number"),
    ("a.jsonl", raw(b'"confidence": "nan"'), "'confidence' is not a number"),
    ("a.jsonl", row(usage={"input_tokens": -5, "output_tokens": 1}), "input_tokens is no count: -5"),
    ("a.jsonl", raw(b'"usage": {"input_tokens": 1e999}'), "input_tokens is no count: inf"),
    ("a.jsonl", row(usage={"input_tokens": 10**400}), "is no count: inf"),
    ("a.jsonl", row(usage={ESC: -1}), f"'usage': {SHOWN} is no count"),
    ("a.jsonl", row(usage=[1, 2]), "'usage' is not text, but 2 values"),
    ("a.jsonl", raw(b'"usage": ' + b"[" * 500 + b"]" * 500), "a list of lists"),
    ("a.jsonl", raw(b'"usage": ' + b'{"a": ' * 900 + b"1" + b"}" * 900), None),
    ("a.jsonl", row(usage="many"), None),
    ("a.jsonl", row(sample_id=ESC), f"unknown sample_id '{SHOWN}'"),
    ("a.jsonl", row(sample_id="../../etc/passwd"), "unknown sample_id '../../etc/passwd'"),
    ("a.jsonl", row(sample_id="s" * 2_000_000), "unknown sample_id 'sss"),
    ("a.jsonl", raw(b'"sample_id": "\\ud800"'), "unknown sample_id '\\ud800'"),
    ("a.jsonl", json.dumps({"input": ESC, "completion": "x"}).encode(), f"unknown input '{SHOWN}'"),
    ("a.jsonl", json.dumps({ESC: 1, "b": 2}).encode(), f"it has: {SHOWN}, b"),
    ("a.csv", f"{ESC}a,{ESC}b\n1,2\n".encode(), f"it has: {SHOWN}a, {SHOWN}b"),
    ("a.jsonl", json.dumps({"k" * 2_000_000: 1}).encode(), "has no column 'completion'; it has: kkk"),
    ("a.jsonl", json.dumps({f"c{n}": n for n in range(9999)}).encode(), "it has: c0, c1"),
    ("a.jsonl", row(completion=["a", "b"]), "'completion' is not text, but 2 values"),
    ("a.jsonl", row(completion={"a": 1}), "name one of its fields, as in completion.a"),
    ("a.jsonl", b'{"index": 0}', "has no column 'completion'"),
    ("a.jsonl", b'{"completion": "x"}', "no 'sample_id', 'index' or 'input'"),
    ("a.jsonl", row() + row(), "line 2: index 0, epoch 0 stands already in line 1"),
    ("a.jsonl", raw(b'"index": 1'), "names 'index' twice"),
    ("a.jsonl", row()[:-4], "line 1: broken JSON: Unterminated string"),
    ("a.jsonl", row().strip() + b",\n" + row(), "a comma after the object"),
    ("a.jsonl", row() + b"\x00\x01", "a zero byte in line 2"),
    ("a.jsonl", b'{"index": 0, "completion": "\xe9"}', "is not utf-8: byte 0xe9"),
    ("a.jsonl", b"\x80\x04\x95\x00", "a pickle of Python, which isn't loaded"),
    ("a.jsonl", b"%PDF-1.4", "is a PDF"),
    ("a.csv", b'index,completion\n0,"open\n1,x\n', "a quotation mark opens a cell there"),
    ("a.csv", b"index,completion\n0,a,b,c\n", "line 2: 4 cells where the first line has 2"),
    ("a.parquet", b"PAR1xxxxPAR1", "can't read a.parquet"),
    ("a.feather", b"ARROW1\0\0xxx", "can't read a.feather"),
    ("a.xlsx", b"PK\x03\x04xxxx", "is none: File is not a zip file"),
    ("a.json", b'{"columns": ["index", "completion"], "data": [[0]]}', "has no column 'completion'"),
    ("a.json", b'{"columns": [[1], {}], "data": [[0, "x"]]}', "has no column 'completion'"),
    ("a.jsonl.gz", gzip.compress(row() * 100)[:-10], "ended before the end-of-stream marker"),
    ("a.jsonl.gz", gzip.compress(gzip.compress(row())), "packed twice"),
    ("a.jsonl", row(completion=ESC), None),
    ("a.jsonl", row(completion="\ud800 half"), None),
    ("a.jsonl", row(completion="\x00"), None),
    ("a.csv", b"index,completion\n0,=cmd|calc\n", None),
    ("a.jsonl", b"\xef\xbb\xbf" + row(), None),
    ("a.jsonl", row().decode().encode("utf-16"), None),
]


@pytest.mark.parametrize(("name", "text", "says"), RESPONSES, ids=range(len(RESPONSES)))
def test_responses(command, fails, tmp_path, name, text, says):
    (tmp_path / name).write_bytes(text)
    arguments = ("score", "--task", "arc1d", "-T", "level=1", "--responses", name)
    if says is not None:
        fails(arguments, says)
        return
    done = command(*arguments, "--label", f"=lab{ESC}")
    assert done.code == 0 and not done.errors, done.err
    done = command("results", "list", "--json")
    (run,) = json.loads(done.out)["runs"]
    assert run["model"] == f"recorded/=lab{ESC}" and done.out.strip().isprintable()
    for more in (("--sample", "arc1d-test-1-0"), ()):
        done = command("show", run["run_id"][:12], *more)
        assert done.code == 0 and all(line.isprintable() for line in done.out.split("\n"))
    for form in ("csv", "markdown", "latex", "eee", "json") if text == row(completion=ESC) else ():
        done = command("results", "export", "--format", form)
        assert done.code == 0 and all(line.isprintable() for line in done.out.split("\n"))


def test_the_tables_are_as_long_as_they_should_be():
    assert len(ARGUMENTS) + len(SETTINGS) >= 60 and len(RESPONSES) >= 60 and len(BOMBS) >= 12
