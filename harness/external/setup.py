"""Packages that a task needs and that must not share the harness's environment.

A task's spec names a recipe; `harness setup NAME` installs it into a folder of its own below the cache
and checks it with the task's fixture before it counts. Workers (`harness.external.workers`) run from there.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.digest import digest
from harness.base.errors import HarnessError, UsageError, nearest


def recipes() -> dict[str, dict[str, Any]]:
    """Every recipe that an installed task names, by name."""
    from harness.registry import registry

    found: dict[str, dict[str, Any]] = {}
    for plain in registry().tasks.plain.values():
        if plain["setup"]:
            found.setdefault(plain["setup"]["name"], plain["setup"])
    return found


def folder(recipe: Mapping[str, Any]) -> Path:
    """Where the recipe is or will be installed; another recipe is another folder."""
    return paths.cache_dir() / "setup" / f"{recipe['name']}-{digest(dict(recipe))[:12]}"


def brings(recipe: Mapping[str, Any]) -> str:
    """The official package that a recipe is for, in a few words."""
    taken = recipe.get("checkout")
    return f"{taken['url']} at {taken['revision'][:12]}" if taken else str(recipe["requirements"][0])


def needed(recipe: Mapping[str, Any]) -> bool:
    """Whether `harness setup` must run first."""
    return bool(recipe) and not folder(recipe).is_dir()


def installed(recipe: Mapping[str, Any]) -> Path:
    """The folder of an installed recipe.

    Raises:
        UsageError: it is not installed; names the command.
    """
    if needed(recipe):
        raise UsageError(
            f"this task needs setup: run 'harness setup {recipe['name']}' once, with a "
            f"network; it brings in {brings(recipe)}"
        )
    return folder(recipe)


def check(name: str, source: Path | None = None) -> dict[str, Any]:
    """The recipe, once it is sure that `source`, where given, can be taken from.

    Raises:
        UsageError: no such recipe, or one that takes nothing from a checkout.
        HarnessError: `source` lacks a folder that is wanted.
    """
    known = recipes()
    if name not in known:
        raise UsageError(f"nothing to set up is called {name!r}; {nearest(name, known, 'setup')}")
    recipe = known[name]
    if source is None:
        return recipe
    wanted = recipe.get("checkout")
    if wanted is None:
        raise UsageError(
            f"setup of {name} takes nothing from a checkout, only {brings(recipe)} and what it "
            "needs from a package index; leave --source out"
        )
    _has_folders(name, wanted, source)
    return recipe


def _has_folders(name: str, wanted: Mapping[str, Any], tree: Path) -> None:
    for path in wanted["take"]:
        if not (tree / path).is_dir():
            raise HarnessError(
                f"setup of {name}: {tree} has no folder {path}; a checkout of "
                f"{wanted['url']} at {wanted['revision']} is wanted"
            )


def drift(name: str, source: Path) -> str | None:
    """How a checkout differs from the revision that the recipe names; None where it doesn't, or where git
    doesn't know, as in the folder of a source archive."""
    wanted = check(name, source)["checkout"]

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return _git("-C", str(source), *arguments)

    try:
        top, head = git("rev-parse", "--show-toplevel"), git("rev-parse", "--verify", "HEAD^{commit}")
        if top.returncode or head.returncode or Path(top.stdout.strip()).resolve() != source.resolve():
            return None  # no work tree, or a folder inside that of another repository
        meant = git("rev-parse", "--verify", "--quiet", f"{wanted['revision']}^{{commit}}")
        if head.stdout != meant.stdout:
            return (
                f"{source} is at {head.stdout[:12]}, not at {wanted['revision'][:12]} as the recipe of "
                f"{name} wants: what is measured may differ from what others measure"
            )
        if git("status", "--porcelain", "--", *wanted["take"]).stdout:
            return (
                f"{source} has changes of its own to what is taken: what is measured may differ from "
                "what others measure"
            )
    except FileNotFoundError:
        pass
    return None


def install(name: str, overwrite: bool = False, source: Path | None = None) -> Path:
    """Installs a recipe, unless it is there. What it takes from a public repository comes from the
    checkout `source` where one is given.

    Raises:
        UsageError: no such recipe, or `source` is given to one that takes nothing from a checkout.
        HarnessError: pip or git failed, or what they brought doesn't pass the fixture; nothing stays.
    """
    recipe = check(name, source)
    place = folder(recipe)
    if place.is_dir() and not overwrite:
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{name}-", suffix=".part", dir=place.parent))
    try:
        _pip(recipe, part)
        if "checkout" in recipe:
            _checkout(name, recipe["checkout"], part, source)
        module, _, function = recipe["verify"].partition(":")
        try:
            getattr(importlib.import_module(module), function)(part)
        except Exception as error:
            raise HarnessError(
                f"setup of {name}: installed, but its fixture fails, so it is not used: {error}"
            ) from error
        if place.is_dir():
            shutil.rmtree(place)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _pip(recipe: Mapping[str, Any], target: Path) -> None:
    name, requirements = recipe["name"], recipe["requirements"]
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log"  # says what became of each page of an index; stderr doesn't
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--log",
            str(log),
            "--disable-pip-version-check",
            *([] if recipe.get("resolve") else ["--no-deps"]),
            "--target",
            str(target),
            *requirements,
        ]
        # pip's own 5 retries keep those waiting who have no network; whoever set another number keeps it
        environment = {"PIP_RETRIES": "2", **os.environ}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode == 0:
            return
        logged = log.read_text("utf-8", "replace") if log.exists() else ""
    raise HarnessError(f"setup of {name}: {_why(done.stderr, logged, requirements)}")


_UNREACHED = re.compile(r"Could not fetch URL (\S+): (?!404 )(.*) - skipping$", re.MULTILINE)
_NO_INDEX = re.compile(r"Skipping page (\S+) because (.*)$", re.MULTILINE)
_IGNORED = re.compile(r"The repository located at (\S+) (is not a trusted or secure host)")


def _why(stderr: str, log: str, requirements: Sequence[str]) -> str:
    """Why pip failed, in one line: an index that wasn't reached comes before what wasn't found."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return "this Python has no pip; 'python -m ensurepip' brings it"
    if found := _UNREACHED.search(log) or _NO_INDEX.search(log) or _IGNORED.search(log):
        return (
            f"pip can't get {found[1]}: {found[2][:300]}; it needs a package index, over the network or "
            "through pip's own configuration (PIP_INDEX_URL, PIP_PROXY)"
        )
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")][:1]
    diagnosis = [line.lstrip("×╰─> ") for line in lines if line.startswith(("×", "╰─>"))][:2]
    said = ": ".join(errors or diagnosis or lines[-1:] or ["no message"])[:300]
    missing = "; no package index that pip is set up to use has it" if "(from versions:" in said else ""
    more = f" and {len(requirements) - 1} more" if len(requirements) > 1 else ""
    return f"pip can't install {requirements[0]}{more}: {said}{missing}"


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs git in English and without asking for a password, so that failures are failures."""
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *arguments], capture_output=True, text=True, env=environment)


def _checkout(name: str, wanted: Mapping[str, Any], target: Path, source: Path | None) -> None:
    """The folders that a recipe takes from a repository, at its revision unless `source` is given."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = source or Path(scratch) / "tree"
        if source is None:
            steps = [
                ["clone", "--quiet", "--filter=blob:none", "--no-checkout", wanted["url"], str(tree)],
                ["-C", str(tree), "sparse-checkout", "set", *wanted["take"]],
                ["-C", str(tree), "checkout", "--quiet", wanted["revision"]],
            ]
            for step in steps:
                try:
                    done = _git(*step)
                except FileNotFoundError:
                    raise HarnessError(f"setup of {name}: git is not installed") from None
                if done.returncode != 0:
                    lines = done.stderr.strip().splitlines() or ["no message"]
                    reason = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
                    raise HarnessError(
                        f"setup of {name}: git can't get {wanted['url']} at {wanted['revision']}: "
                        f"{reason.removeprefix('fatal: ')[:300]}; with a checkout at hand: harness setup "
                        f"{name} --source DIR"
                    )
        _has_folders(name, wanted, tree)
        for path, place in wanted["take"].items():
            shutil.copytree(tree / path, target / place, dirs_exist_ok=True)
