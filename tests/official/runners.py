"""The official runners: an environment of its own for each, and its command against a server.

HARNESS_OFFICIAL_RUNNERS names a folder that keeps the environments (some 2 GB) from one run to the next.
HARNESS_TAU2_SOURCE and HARNESS_TOOLSANDBOX_SOURCE name checkouts, whose own lists of requirements count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping, Sequence
from importlib.metadata import PathDistribution
from pathlib import Path

HERE = Path(__file__).parent
#: seconds that a command may take
SECONDS = 900
BFCL = "bfcl-eval==2026.3.23"
#: what an official list lacks or leaves open that has moved on since: qwen-agent imports soundfile, and the
#: openai of 2024 passes httpx a field that later ones don't take
BESIDE = {"tau2": ("rank-bm25", "openai"), "bfcl": ("soundfile",), "toolsandbox": ("httpx<0.28",)}
#: gigabytes for the encoder of vector memories, whose weights are on the Hub
LEFT_OUT = ("sentence-transformers", "faiss-cpu")


def environment(name: str, folder: Path, source: Path | None = None) -> Path:
    """The Python of a runner's environment, made if it isn't there.

    Raises:
        AssertionError: pip can't bring what it needs.
    """
    place = folder / name
    python = place / "bin" / "python"
    if (place / "complete").exists():
        return python
    venv.create(place, with_pip=True, clear=True)
    if source is None:
        _pip(python, "--no-deps", BFCL)
        (found,) = place.glob("lib/python*/site-packages/bfcl_eval-*.dist-info")
        wanted = [line for line in PathDistribution(found).requires or () if "extra ==" not in line]
        wanted = [line for line in wanted if not line.startswith(LEFT_OUT)]
    else:
        wanted = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    _pip(python, *wanted, *BESIDE[name])
    (place / "complete").touch()
    return python


def _pip(python: Path, *wanted: str) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-1000:]


def _run(command: Sequence[object], place: Path, url: str, **more: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    given = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": url,
        "OPENAI_API_BASE": url,
        **more,
    }
    given |= {name: os.environ[name] for name in ("TZ",) if name in os.environ}
    done = subprocess.run(
        [*map(str, command)], cwd=place, env=given, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-2000:]}"


def tau2(python: Path, source: Path, domain: str, options: Sequence[str], place: Path, url: str) -> list[str]:
    """`tau2 run` on some tasks of a domain, one after another; their ids."""
    saved = place / "saved"
    _run(
        [python, HERE / "launch_tau2.py", "run", "--domain", domain, *options]
        + ["--max-concurrency", 1, "--max-retries", 0, "--save-to", saved],
        place,
        url,
        PYTHONPATH=str(source / "src"),
        TAU2_DATA_DIR=str(source / "data"),
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    found = json.loads((saved / "results.json").read_text("utf-8"))
    return [simulation["task_id"] for simulation in found["simulations"]]


def bfcl(python: Path, model: str, items: Mapping[str, Sequence[str]], place: Path, url: str) -> None:
    """`bfcl generate` on the items of categories. `model` is agent-FC or agent."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "test_case_ids_to_generate.json").write_text(json.dumps(items))
    _run(
        [python, HERE / "launch_bfcl.py", "generate", "--model", model, "--run-ids", "--num-threads", 1],
        place,
        url,
        BFCL_PROJECT_ROOT=str(place),
    )


def toolsandbox(python: Path, source: Path, scenarios: Sequence[str], place: Path, url: str) -> None:
    """`tool_sandbox` on some scenarios."""
    _run(
        [python, HERE / "launch_toolsandbox.py", "--agent", "GPT_4_0125", "--user", "GPT_4_o_2024_05_13"]
        + ["--parallel", 1, "--output_dir", place / "data", "--scenarios", *scenarios],
        place,
        url,
        PYTHONPATH=str(source),
    )


def harness(warm, arguments: Sequence[object], place: Path, setup: Path, url: str) -> None:
    """`harness eval` with a cache of its own, so that every call is made."""
    cache = place / "cache"
    cache.mkdir(parents=True)
    (cache / "setup").symlink_to(setup)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
    command = [Path(sys.executable).with_name("harness"), "eval", *arguments, "--no-probe"]
    served = ["--model-arg", "api_key=none", "--model-arg", f"base_url={url}", "--store", place / "results"]
    given = {**kept, "HARNESS_CACHE": str(cache), "SERPAPI_API_KEY": "none"}
    done = warm.run([*command, *served], place, given, timeout=SECONDS)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr[-2000:]}"
