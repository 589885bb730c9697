"""Where a run was made: code, plugins, machine. Volatile: it says nothing about what was measured."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
from harness.base.known_files import without_folders
from harness.base.secrets import redacted
from harness.base.surrogates import whole

if TYPE_CHECKING:
    from harness.run.plan import Cell

PACKAGES = ("inspect-ai", "datasets", "numpy", "scipy", "pandas", "math-verify", "torch", "transformers")


def environment(cell: Cell) -> dict[str, Any]:
    """Harness and plugins with their commits, Python, platform, versions of what computes."""
    owners = sorted({cell.task.distribution, cell.method.distribution} - {"", "method-harness"})
    return {
        "harness": harness.__version__,
        "code": _commit(),
        "plugins": {owner: _distribution(owner) for owner in owners},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": _versions(),
    }


@cache
def _commit() -> dict[str, Any]:
    """Commit, whether the tree was changed, and a digest of the change; empty outside a checkout."""
    root = Path(harness.__file__).parent.parent
    if not (root / ".git").exists():
        return _direct_url("method-harness")

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10
        ).stdout.strip()

    try:
        changed = git("diff", "HEAD", "--", "harness", "tasks", "methods")
        from harness.base.digest import digest

        return {
            "commit": git("rev-parse", "HEAD"),
            "dirty": bool(changed),
            "diff_digest": digest(changed) if changed else "",
        }
    except (OSError, subprocess.SubprocessError):
        return {}


@cache
def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _distribution(name: str) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"version": version(name), **_direct_url(name)}
    except PackageNotFoundError:
        return {}


def _direct_url(name: str) -> dict[str, Any]:
    """The commit that pip noted (PEP 610), if it installed from a repository."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        text = distribution(name).read_text("direct_url.json")
        commit = json.loads(text or "{}").get("vcs_info", {}).get("commit_id")
    except (PackageNotFoundError, ValueError):
        commit = None
    return {"commit": commit} if commit else {}


def command_line() -> str:
    """The command that is running, as typed but for secrets and the folders of files."""
    import shlex

    return whole(without_folders(shlex.join(["harness", *redacted(sys.argv[1:])])))
