"""Packages that a task needs and that must not share the harness's environment.

A task's spec names a recipe; `harness setup NAME` installs it into a folder of its own below the cache
and checks it with the task's fixture before it counts. Workers (`harness.workers`) run from there.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import paths
from harness.digest import digest
from harness.errors import HarnessError, UsageError, nearest


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
        raise UsageError(f"this task needs setup: run 'harness setup {recipe['name']}' once, with a "
                         f"network; it brings in {brings(recipe)}")  # fmt: skip
    return folder(recipe)


def install(name: str, again: bool = False, source: Path | None = None) -> Path:
    """Installs a recipe, unless it is there. What it takes from a public repository comes from the
    checkout `source` where one is given.

    Raises:
        UsageError: no such recipe.
        HarnessError: pip or git failed, or what they brought doesn't pass the fixture; nothing stays.
    """
    known = recipes()
    if name not in known:
        raise UsageError(f"nothing to set up is called {name!r}; {nearest(name, known, 'setup')}")
    recipe = known[name]
    place = folder(recipe)
    if place.is_dir() and not again:
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
            raise HarnessError(f"setup of {name}: installed, but its fixture fails, so it is not used: "
                               f"{error}") from error  # fmt: skip
        if place.is_dir():
            shutil.rmtree(place)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _pip(recipe: Mapping[str, Any], target: Path) -> None:
    name, requirements = recipe["name"], recipe["requirements"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
               *([] if recipe.get("resolve") else ["--no-deps"]), "--target", str(target),
               *requirements]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        raise HarnessError(f"setup of {name}: this Python has no pip; 'python -m ensurepip' brings it")
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")] or lines[-1:]
    raise HarnessError(f"setup of {name}: pip can't install {', '.join(requirements)}: "
                       f"{(errors or ['no message'])[0][:300]}; it needs a package index, over the network "
                       "or through pip's own configuration")  # fmt: skip


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
            # in English and without asking for a password, so that failures are failures
            environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
            for step in steps:
                try:
                    done = subprocess.run(["git", *step], capture_output=True, text=True, env=environment)
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
        for path, place in wanted["take"].items():
            if not (tree / path).is_dir():
                raise HarnessError(f"setup of {name}: {tree} has no folder {path}; a checkout of "
                                   f"{wanted['url']} at {wanted['revision']} is wanted")  # fmt: skip
            shutil.copytree(tree / path, target / place, dirs_exist_ok=True)
