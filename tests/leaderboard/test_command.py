"""`harness leaderboard build`, as a user calls it; the code of the site is not imported before."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from harness.leaderboard.cli import command


def run(*arguments):
    done = CliRunner().invoke(command, arguments)
    return done.exit_code, done.output


def test_build_then_check(store, tmp_path):
    site = str(tmp_path / "site")
    assert run("build", "--store", str(store), "--out", site)[0] == 0
    assert run("build", "--store", str(store), "--out", site, "--check")[0] == 0
    (tmp_path / "site/tables/leaderboard.csv").write_text("")
    code, output = run("build", "--store", str(store), "--out", site, "--check")
    assert code == 1 and "leaderboard.csv" in output and "1 files differ" in output


def test_tables_alone(store, tmp_path):
    (tmp_path / "notes.md").write_text("mine")
    place = ("--store", str(store), "--out", str(tmp_path), "--tables")
    assert run("build", *place, "--check")[0] == 1
    assert run("build", *place)[0] == 0
    assert run("build", *place, "--check")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "notes.md",
        "leaderboard.csv",
        "leaderboard.md",
        "leaderboard.tex",
        "every_eval_ever.jsonl",
    }


@pytest.mark.parametrize("arguments", [["leaderboard", "--help"], ["leaderboard", "build", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys; from harness.cli import main\n"
        f"sys.argv = ['harness', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('HEAVY', sorted({'numpy', 'pyarrow', 'jinja2', 'plotly', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"
