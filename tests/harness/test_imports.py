"""The arrows between the packages, and what the quick commands import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "harness": {"harness"},
    "tasks": {"harness", "tasks"},
    "methods": {"harness"},
    "leaderboard": {"harness", "leaderboard"},
}
#: a board reads what is stored and what is computed from it; it runs nothing
BOARD_MAY_IMPORT = (
    "harness.leaderboard",
    "harness.results",
    "harness.comparison",
    "harness.stats",
    "harness.base.errors",
    "harness.base.digest",
)
OURS = set(MAY_IMPORT)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("package", sorted(OURS))
def test_arrows(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        for module in imported(path):
            top, _, rest = module.partition(".")
            if top not in OURS:
                continue
            family = path.relative_to(ROOT).parts[1]
            own = package == "methods" and top == "methods" and rest.partition(".")[0] == family
            assert top in MAY_IMPORT[package] or own, f"{path.relative_to(ROOT)} imports {module}"
            if package == "leaderboard" and top == "harness":
                assert module.startswith(BOARD_MAY_IMPORT), f"{path.relative_to(ROOT)} imports {module}"


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
