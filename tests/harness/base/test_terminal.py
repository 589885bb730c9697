"""Nothing that others wrote drives a terminal, and JSON stays JSON."""

import ast
import io
import json
import logging
import math
import re
import sys
import warnings
from pathlib import Path

import pytest

import harness
from harness.base.errors import UsageError
from harness.base.terminal import LONGEST, guard, json_text, one_line, printable, printable_lines, say, tell
from harness.display.layout import Line, Table, as_html, as_text

ROOT = Path(harness.__file__).parent
#: a text, and the text that is shown
SHOWN = [
    ("plain", "plain"),
    ("", ""),
    ("é 漢字 🙂", "é 漢字 🙂"),
    ("no\u00a0break\u3000wide", "no\u00a0break\u3000wide"),
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ("\x1b]8;;http://evil\x1b\\link", "\\x1b]8;;http://evil\\x1b\\link"),
    ("\x9b31m", "\\x9b31m"),
    ("a\rb", "a\\rb"),
    ("a\nb\tc", "a\\nb\\tc"),
    ("a\x08b\x7f\x00", "a\\x08b\\x7f\\x00"),
    ("\u202eevil\u202c", "\\u202eevil\\u202c"),
    ("\u2066x\u2069\u200f", "\\u2066x\\u2069\\u200f"),
    ("a\u200bb\ufeff\u00ad", "a\\u200bb\\ufeff\\xad"),
    ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
    ("\ud800x\udfff", "\\ud800x\\udfff"),
    ("\U000e0041\ue000", "\\U000e0041\\ue000"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_what_a_terminal_might_act_on_is_seen(text, shown):
    assert printable(text) == shown and printable(shown) == shown
    assert json.loads(json_text({text: [text]})) == {text: [text]}
    assert json_text(text).isprintable() and json_text(text, ascii_only=True).isascii()


def test_lines_stay_and_messages_have_one():
    assert printable_lines("a\r\nb\n\tc\x1b\n") == "a\nb\n\tc\\x1b\n"
    assert one_line(" a\n  error: forged\r\nb\u2028c\t\x1b ") == "a error: forged b c \\x1b"
    assert len(one_line("x" * 3_000_000)) < LONGEST + 50 and "2,996,000 characters more" in one_line(
        "x" * 3_000_000
    )
    assert str(UsageError("a\x1b[2J\nerror: forged")) == "a\\x1b[2J error: forged"


def test_numbers_that_are_none_are_null_and_json_is_as_the_stream_can_hold_it():
    assert json_text({"a": [math.nan, 1.5], "b": (math.inf, {"c": -math.inf})}) == (
        '{"a": [null, 1.5], "b": [null, {"c": null}]}'
    )
    assert json_text("é\U000e0041") == '"é\\udb40\\udc41"'


def test_what_is_printed_is_printable(capsys, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", None)
    monkeypatch.setattr(warnings, "showwarning", None)
    say("a\x1b\nb")
    tell("c\x1b\nd")
    guard()
    try:
        raise ValueError("\x1b[31mboom")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning("\x1bwarned\nline", UserWarning, "f.py", 1)
    assert logging.lastResort is not None
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "\x1blogged %s", ("\u202e",), None)
    shown = logging.lastResort.format(record)
    out, err = capsys.readouterr()
    assert out == "a\\x1b\nb\n" and err.startswith("c\\x1b d\n")
    assert "\\x1b[31mboom" in err and "\\x1bwarned line" in err and shown == "\\x1blogged \\u202e"
    assert "\x1b" not in err


def test_tables_are_measured_by_what_is_shown():
    name, cell = "na\x1bme", "x\u202ey\n"
    shown = as_text([Table([name, "n"], [[cell, "1"], ["ab", "2"]], right=["n"]), Line("say\x1b\n")])
    assert "na\\x1bme" in shown and "x\\u202ey\\n" in shown and "say\\x1b\\n" in shown
    rows = [line for line in shown.splitlines() if line.rstrip().endswith(("1", "2"))]
    assert len({len(row) for row in rows}) == 1
    html = as_html([Table([name], [["<b>\x1b"]])])
    assert "na\\x1bme" in html and "&lt;b&gt;\\x1b" in html


#: what writes to the streams by other ways, and may
WRITES = re.compile(r"\b(print|s?echo|print_exc|write)\(")
APART = ("base/terminal.py", "cli/streams.py", "external/workers/inside.py")


@pytest.mark.parametrize("folder", [ROOT, ROOT / "leaderboard"])
def test_no_other_module_prints(folder):
    found = []
    for path in sorted(folder.rglob("*.py")):
        inner = path.relative_to(folder).as_posix()
        if inner in APART or inner.startswith(("tasks/", "methods/", "leaderboard/", "cli/templates/")):
            continue
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if WRITES.search(text) else ():
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "click.echo", "click.secho", "traceback.print_exc") or called.endswith(
                    ("stdout.write", "stderr.write")
                ):
                    found.append(f"{inner}:{node.lineno}: {called}")
    assert found == []


def test_json_goes_to_a_stream_of_any_encoding(monkeypatch):
    from harness.base.terminal import say_json

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii", errors="backslashreplace"))
    say_json({"a": "é\x9b"})
    sys.stdout.flush()
    assert json.loads(raw.getvalue()) == {"a": "é\x9b"}


def test_what_is_said_is_in_a_file_or_a_pipe_at_once(monkeypatch):
    from harness.base.terminal import say, say_json

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw), "utf-8"))
    say("http://127.0.0.1:8001/ shows it")
    assert raw.getvalue() == b"http://127.0.0.1:8001/ shows it\n"
    say_json([1])
    assert raw.getvalue().endswith(b"[1]\n")
