"""What a recipe takes from a public repository: a clone or a checkout at hand, what it lacks, what it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.base.errors import HarnessError

#: how a file begins that stands for one that Git LFS would bring, and the most bytes that such a file has
POINTER = b"version https://git-lfs.github.com/spec/"
POINTER_BYTES = 1024
#: the revision of a checkout of which git says none
UNKNOWN = "unknown"
#: what reads files of data, by the end of their names
READERS: Mapping[str, Callable[[str], Any]] = {".json": json.loads, ".toml": tomllib.loads}
#: so many files that are missing are named
NAMED = 12


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs git in English and without asking for a password, so that failures are failures.

    Raises:
        FileNotFoundError: git is not installed.
    """
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *arguments], capture_output=True, text=True, env=environment)


def clone(name: str, wanted: Mapping[str, Any], tree: Path) -> None:
    """Makes `tree` a checkout of what the recipe `name` wants.

    Raises:
        HarnessError: git isn't there, or can't get it.
    """
    steps = [
        ["clone", "--quiet", "--filter=blob:none", "--no-checkout", wanted["url"], str(tree)],
        ["-C", str(tree), "sparse-checkout", "set", *wanted["take"]],
        ["-C", str(tree), "checkout", "--quiet", wanted["revision"]],
    ]
    for step in steps:
        try:
            done = git(*step)
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


def check(name: str, wanted: Mapping[str, Any], tree: Path, own: bool = True) -> None:
    """Whether a checkout has every folder and file that the recipe `name` needs of it, whole.

    Args:
        own: whether it is the user's, who can complete it.

    Raises:
        HarnessError: it lacks some, or they can't be read; all of them are named.
    """
    for path in wanted["take"]:
        if not (tree / path).is_dir():
            raise HarnessError(
                f"setup of {name}: {tree} has no folder {path}; a checkout of "
                f"{wanted['url']} at {wanted['revision']} is wanted"
            )
    pointers = sorted(_pointers(wanted, tree))
    missing = {*_needed(wanted, tree), *_tracked(wanted, tree), *_links_to_nothing(wanted, tree)}
    absent = sorted(missing - {*pointers})
    damaged = sorted({*_damaged(wanted, tree)} - {*pointers, *absent})
    if not pointers and not absent and not damaged:
        return
    named = [
        *absent,
        *(f"{path} (damaged)" for path in damaged),
        *(f"{path} (a pointer of Git LFS)" for path in pointers),
    ]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    cures = []
    if pointers and own:
        cures.append(f"'git -C {tree} lfs pull' brings what Git LFS holds")
    elif pointers:
        cures.append("install git-lfs and run the same command again")
    if absent or damaged:
        cures.append(f"a whole checkout of {wanted['url']} at {wanted['revision']} has the files")
    raise HarnessError(
        f"setup of {name}: {tree if own else wanted['url']} lacks {len(named)} files: "
        f"{', '.join(named[:NAMED])}{more}; {'; '.join(cures)}"
    )


def _needed(wanted: Mapping[str, Any], tree: Path) -> Iterator[str]:
    """What the recipe names and isn't there: files without a byte, folders without a file."""
    for path in wanted.get("needs", ()):
        place = tree / path
        if not (any(place.iterdir()) if place.is_dir() else place.is_file() and place.stat().st_size):
            yield path


def _damaged(wanted: Mapping[str, Any], tree: Path) -> Iterator[str]:
    """Files of data that the recipe names, or that lie in folders which it names, and that can't be read,
    such as those that were copied in part."""
    for place in (tree / path for path in wanted.get("needs", ())):
        for file in place.rglob("*") if place.is_dir() else (place,):
            read = READERS.get(file.suffix)
            if read is None or not file.is_file():
                continue
            try:
                read(file.read_text("utf-8"))
            except (OSError, ValueError, RecursionError):
                yield str(file.relative_to(tree))


def _links_to_nothing(wanted: Mapping[str, Any], tree: Path) -> Iterator[str]:
    for path in wanted["take"]:
        for file in (tree / path).rglob("*"):
            if file.is_symlink() and not file.exists():
                yield str(file.relative_to(tree))


def _tracked(wanted: Mapping[str, Any], tree: Path) -> Iterator[str]:
    """Files that git has in the folders that are taken, and the work tree hasn't."""
    if not _is_root(tree):
        return
    for path in git("-C", str(tree), "ls-files", "-z", "--", *wanted["take"]).stdout.split("\0"):
        if path and not os.path.lexists(tree / path):
            yield path


def _pointers(wanted: Mapping[str, Any], tree: Path) -> Iterator[str]:
    """Files in the folders that are taken that stand for others."""
    for path in wanted["take"]:
        for file in (tree / path).rglob("*"):
            if file.is_file() and file.stat().st_size <= POINTER_BYTES:
                with file.open("rb") as opened:
                    if opened.read(len(POINTER)) == POINTER:
                        yield str(file.relative_to(tree))


def state(wanted: Mapping[str, Any], tree: Path) -> dict[str, Any]:
    """What a checkout is, by git: its `revision` (`unknown` where git knows nothing: without git, and in
    the folder of a source archive), whether that is the recipe's (`as_wanted`), and whether what is taken
    was `changed` since; None for what is unknown."""
    found: dict[str, Any] = {"url": wanted["url"], "wanted": wanted["revision"]}
    head = git("-C", str(tree), "rev-parse", "--verify", "HEAD^{commit}") if _is_root(tree) else None
    if head is None or head.returncode:
        return {**found, "revision": UNKNOWN, "as_wanted": None, "changed": None}
    meant = git("-C", str(tree), "rev-parse", "--verify", "--quiet", f"{wanted['revision']}^{{commit}}")
    changed = git("-C", str(tree), "status", "--porcelain", "--", *wanted["take"]).stdout
    return {
        **found,
        "revision": head.stdout.strip(),
        "as_wanted": head.stdout == meant.stdout,
        "changed": bool(changed),
    }


def _is_root(tree: Path) -> bool:
    """Whether it is the top of a work tree; a folder inside that of another repository isn't."""
    try:
        top = git("-C", str(tree), "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return False
    return top.returncode == 0 and Path(top.stdout.strip()).resolve() == tree.resolve()


def take(wanted: Mapping[str, Any], tree: Path, target: Path) -> None:
    """Copies what is taken; compiled Python is made again."""
    for path, place in wanted["take"].items():
        shutil.copytree(
            tree / path, target / place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
