"""What a grid lacks is said before its first cell is paid for."""

import json

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.run.plan import Request, plan
from harness.run.preflight import lacking
from harness.sample import Question, Sample, Splits

SPLITS = Splits([Sample(Question(str(n), ""), "") for n in range(10)])


def lacks(task, settings=None, **request):
    cells = plan(Request(task, "prompted-tools", "echo/x", **request))
    return list(lacking(cells, settings or {}))


def test_roles_keys_and_prices_that_are_missing(monkeypatch):
    monkeypatch.delenv("SERPAPI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    both = "bfcl/web_search_base,bfcl/simple_python"
    (one,) = lacks(both)
    assert one.startswith("bfcl/web_search_base x") and "SERPAPI_API_KEY" in one
    assert not lacks(both, offline=True)
    monkeypatch.setenv("SERPAPI_API_KEY", "x")
    assert not lacks(both)
    (dear,) = lacks(both, budget_usd=1.0)
    assert "--budget-usd needs the price of serpapi.com" in dear
    assert not lacks(both, {"serpapi.com": {"price": 0.01}}, budget_usd=1.0)
    (alone,) = lacks("tau2/airline")
    assert "--role user=MODEL" in alone
    bank = {"task_args": {"retrieval": "openai_embeddings"}, "roles": {"user": "echo/y"}}
    (keyless,) = lacks("tau2/banking_knowledge", **bank)
    assert "OPENAI_API_KEY" in keyless


def test_everything_that_is_missing_is_said_at_once(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = lacks("tau2/banking_knowledge", task_args={"retrieval": "alltools"}, roles={"user": "echo/y"})
    assert len(found) == 1 and "OPENAI_API_KEY" in found[0] and "bubblewrap" in found[0]


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_the_dry_run_says_it_too(tmp_path, monkeypatch, flags):
    monkeypatch.setattr("harness.cli.dry_run._load", lambda cell, session: (None, SPLITS))
    done = CliRunner().invoke(
        cli,
        [
            "eval",
            "--task",
            "tau2/airline",
            "--method",
            "prompted-tools",
            "--model",
            "echo/x",
            "--dry-run",
            "--store",
            str(tmp_path),
            *flags,
        ],
    )
    assert done.exit_code == 0 and "needs --role user=MODEL" in done.output
    if flags:
        found = json.loads(next(line for line in done.output.splitlines() if line.startswith("{")))
        assert len(found["lacking"]) == 1
