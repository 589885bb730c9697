"""Packages that a task needs and that must not share the harness's environment.

A task's spec names a recipe; `harness setup NAME` installs it into a folder of its own below the cache, notes
there what it installed (`harness.external.manifest`), and checks it with the task's fixture before it counts.
`[setup]` has a name, `requirements` of pip, `verify` (the fixture, called with the folder) and, where the
code comes from a repository, `[setup.checkout]`: `url`, `revision`, `take` (folders, and where they go) and
`needs` (files and folders of data without which the code can't do its work).
Workers (`harness.external.workers`) run from there.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.digest import digest
from harness.base.errors import HarnessError, UsageError, nearest
from harness.external import checkout, manifest


def recipes() -> dict[str, dict[str, Any]]:
    """Every recipe that an installed task names, by name."""
    from harness.registry import registry

    found: dict[str, dict[str, Any]] = {}
    for plain in registry().tasks.plain.values():
        if plain["setup"]:
            found.setdefault(plain["setup"]["name"], plain["setup"])
    return found


def of_recipe(name: str) -> dict[str, dict[str, Any]]:
    """The tasks that name a recipe, by name: what an installation of it must be able to grade."""
    from harness.registry import registry

    return {
        task: plain for task, plain in registry().tasks.plain.items() if plain["setup"].get("name") == name
    }


def folder(recipe: Mapping[str, Any]) -> Path:
    """Where the recipe is or will be installed; another recipe is another folder."""
    return paths.cache_dir() / "setup" / f"{recipe['name']}-{digest(dict(recipe))[:12]}"


def brings(recipe: Mapping[str, Any]) -> str:
    """The official package that a recipe is for, in a few words."""
    taken = recipe.get("checkout")
    return f"{taken['url']} at {taken['revision'][:12]}" if taken else str(recipe["requirements"][0])


def needed(recipe: Mapping[str, Any]) -> bool:
    """Whether `harness setup` must run first; also where an earlier version set it up, which didn't say
    what it installed."""
    return bool(recipe) and manifest.read(folder(recipe)) is None


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


def present(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What is really installed of a recipe: see `harness.external.manifest.present`; empty for none. It is
    looked at once a process, as workers hold what they have loaded."""
    return _present(folder(recipe), json.dumps(recipe)) if recipe else {}


@cache
def _present(place: Path, recipe: str) -> dict[str, Any]:
    return manifest.present(place, json.loads(recipe))


def installed_otherwise(recipe: Mapping[str, Any]) -> str:
    """A line on what is installed where that isn't known to be what the recipe pins; empty where it is."""
    found = present(recipe)
    if not found:
        return ""
    name = recipe["name"]
    if found["altered"]:
        return (
            f"the files of {name} are not those that were set up, and its results are compared with none of "
            f"another installation; 'harness setup {name} --overwrite' installs them again"
        )
    revision, pinned = manifest.version(recipe, found)
    if pinned:
        return ""
    return f"{name} is installed from {_told(revision)}{_beside(recipe, found)}"


def _told(revision: str) -> str:
    return "files of an unknown revision" if revision == checkout.UNKNOWN else revision


def _beside(recipe: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    taken = found.get("checkout")
    if taken is None:
        return f", not {recipe['requirements'][0]}"
    changed = " with changes" if taken["changed"] else ""
    return f"{changed}; the recipe wants {taken['wanted'][:12]}"


def source(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Revision of the official package that is really installed, and whether it is the recipe's, for what a
    task says that it read."""
    revision, pinned = manifest.version(recipe, present(recipe))
    return {"revision": revision, "pinned": pinned}


def check(name: str, source: Path | None = None) -> dict[str, Any]:
    """The recipe, once it is sure that `source`, where given, can be taken from.

    Raises:
        UsageError: no such recipe, or one that takes nothing from a checkout.
        HarnessError: `source` lacks folders or files that are wanted; all of them are named.
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
    checkout.check(name, wanted, source)
    return recipe


def drift(name: str, source: Path) -> str | None:
    """How a checkout differs from the revision that the recipe names, or that git doesn't know it; None where
    it is that revision."""
    state = checkout.state(check(name, source)["checkout"], source)
    differs = "what is measured may differ from what others measure"
    if state["revision"] == checkout.UNKNOWN:
        return (
            f"git knows no revision of {source}, as in the folder of a source archive: records will say "
            f"{checkout.UNKNOWN!r}, and know it by its files alone"
        )
    if not state["as_wanted"]:
        return (
            f"{source} is at {state['revision'][:12]}, not at {state['wanted'][:12]} as the recipe of "
            f"{name} wants: {differs}"
        )
    return f"{source} has changes of its own to what is taken: {differs}" if state["changed"] else None


def install(name: str, overwrite: bool = False, source: Path | None = None) -> Path:
    """Installs a recipe, unless it is there. What it takes from a public repository comes from the
    checkout `source` where one is given.

    Raises:
        UsageError: no such recipe, or `source` is given to one that takes nothing from a checkout.
        HarnessError: pip or git failed, or what they brought doesn't pass the fixture; nothing stays.
    """
    recipe = check(name, source)
    place = folder(recipe)
    if not needed(recipe) and not overwrite:
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{name}-", suffix=".part", dir=place.parent))
    try:
        _bring(recipe, part, source)
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
        _present.cache_clear()
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _bring(recipe: Mapping[str, Any], target: Path, source: Path | None) -> None:
    """Everything that a recipe wants, with its manifest; git first, which costs least and fails most."""
    wanted = recipe.get("checkout")
    if wanted is None:
        _pip(recipe, target)
        manifest.write(target, recipe, None)
        return
    with tempfile.TemporaryDirectory() as scratch:
        tree = source or Path(scratch) / "tree"
        if source is None:
            checkout.clone(recipe["name"], wanted, tree)
            checkout.check(recipe["name"], wanted, tree, own=False)
        _pip(recipe, target)
        checkout.take(wanted, tree, target)
        manifest.write(target, recipe, checkout.state(wanted, tree))


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
