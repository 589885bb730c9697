"""`import harness` costs nothing, and every name that it offers is there, whatever was imported before."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import harness


def declared():
    """Name -> (module, name there) of what type checkers see; a name without an import has no module."""
    tree = ast.parse(Path(harness.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    named = {node.target.id: ("", node.target.id) for node in block.body if isinstance(node, ast.AnnAssign)}
    return named | {
        alias.asname: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }


def test_what_type_checkers_see_is_what_is_there():
    seen = declared()
    assert set(seen) == set(harness.__all__) - {"__version__"}
    for name, (module, original) in seen.items():
        if name != "leaderboard":
            assert getattr(harness, name) is getattr(importlib.import_module(module), original), name


def test_no_name_is_that_of_a_module():
    modules = {found.name for found in pkgutil.iter_modules(harness.__path__)}
    assert {"task", "run", "leaderboard"} <= modules
    assert set(harness.__all__) & modules == {"leaderboard"}


def test_every_command_has_its_function():
    for name in ("evaluate", "score", "compare", "power", "check", "sweep", "train", "load", "leaderboard"):
        assert callable(getattr(harness, name)) and name in dir(harness)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        harness.evalute  # noqa: B018


def test_the_import_brings_nothing_along():
    code = (
        "import sys\nbefore = set(sys.modules)\nimport harness\n"
        "print(sorted(set(sys.modules) - before - {'harness', '__future__', 'typing'}))\n"
        "harness.Method, harness.Outcome, harness.Task, harness.evaluate, harness.reward\n"
        "heavy = {'numpy', 'pandas', 'torch', 'inspect_ai', 'datasets', 'scipy', 'pydantic', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new, heavy = map(ast.literal_eval, done.stdout.splitlines())
    assert not [name for name in new if name.startswith("harness.")] and heavy == []
