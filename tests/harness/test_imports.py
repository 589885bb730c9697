"""The layout: which part may import which, how long a module may be, and what the quick commands import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "harness"
#: the floors of harness/, from the ground: a part imports what lies below it, and nothing of its own floor
FLOORS = (
    "base",
    "answers",
    "stats spec sample learning_curve",
    "plugins data annotate personal human",
    "model",
    "checklist engine inbox",
    "task method world replay",
    "episode registry task_checks search team",
    "external",
    "job",
    "results",
    "comparison",
    "plots display",
    "contours",
    "run",
    "gate sealed_scores",
    "api",
    "cli testing",
    "__init__ __main__",
)
FLOOR = {part: number for number, floor in enumerate(FLOORS) for part in floor.split()}
#: plugins and the board, which stand on the harness: what they may import of it, and of each other
BESIDE = ("tasks", "methods", "leaderboard")
BOARD = ("harness.results", "harness.comparison", "harness.stats", "harness.base", "harness.human")
LONGEST = 400


def sources(folder):
    return [path for path in sorted(folder.rglob("*.py")) if not _linked(path)]


def _linked(path):
    return path.is_relative_to(HARNESS) and path.relative_to(HARNESS).parts[0] in BESIDE


def imported(path, with_types=False):
    """The modules of the harness that a source imports, within functions too; those that stand in
    annotations alone only if asked."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types and not with_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("harness."))
        elif isinstance(node, ast.ImportFrom) and node.module == "harness":
            yield from (f"harness.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness."):
            yield node.module


def test_every_part_of_the_harness_is_on_a_floor():
    parts = {path.name.removesuffix(".py") for path in HARNESS.iterdir() if path.suffix in ("", ".py")}
    assert parts - {"__pycache__", *BESIDE} == set(FLOOR)


@pytest.mark.parametrize("part", sorted(FLOOR))
def test_imports_go_downward(part):
    found = HARNESS / part
    for path in sources(found) if found.is_dir() else [found.with_suffix(".py")]:
        for module in imported(path, with_types=True):
            above = module.split(".")[1] in BESIDE
            assert not above, f"{path.relative_to(ROOT)} imports {module}, which stands on it"
        for module in imported(path):
            other = module.split(".")[1]
            if other in ("__version__", part):
                continue
            assert FLOOR[other] < FLOOR[part], (
                f"{path.relative_to(ROOT)} imports {module}, which is not below"
            )


@pytest.mark.parametrize("package", BESIDE)
def test_plugins_and_the_board_import_the_harness_and_not_each_other(package):
    for path in sources(ROOT / package):
        family = path.relative_to(ROOT).parts[1]
        for module in imported(path, with_types=True):
            other, *rest = module.split(".")[1:]
            if other in BESIDE:
                own = other == package and (package != "methods" or (rest and rest[0] == family))
                assert own, f"{path.relative_to(ROOT)} imports {module}"
            elif package == "leaderboard":
                assert module.startswith(BOARD), f"{path.relative_to(ROOT)} imports {module}"


def test_no_module_is_too_long():
    for path in [path for folder in ("harness", *BESIDE) for path in sources(ROOT / folder)]:
        lines = len(path.read_text("utf-8").splitlines())
        assert lines <= LONGEST, f"{path.relative_to(ROOT)} has {lines} lines: split it by what changes alone"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["list"], ["list", "tasks"], ["eval", "--help"]]
)
def test_quick_commands_import_nothing_heavy(arguments):
    code = (
        "import sys; from harness.cli import main\n"
        f"sys.argv = ['harness', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'torch', 'inspect_ai', 'datasets', 'scipy', 'pydantic'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"
