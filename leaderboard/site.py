"""Every file of a site, made from the records alone: the same records give the same bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.base.errors import RecordError, UsageError
from harness.base.files import plain_json, read_file, read_json, write_file
from harness.base.secrets import json_without_secrets
from harness.leaderboard import pages, records
from harness.leaderboard.attempts import SHOWN, browser_script
from harness.leaderboard.board import Board, Section, groups, page, with_varying_fields
from harness.leaderboard.records import Record
from harness.leaderboard.tables import tables
from harness.results.curve import read_curve

ASSETS = ("site.css", "theme.js", "site.js", "figures.js", "attempts.js", "conversation.js", "timeline.js")
#: carried along, not made from records: another release of plotly is no difference
CARRIED = "assets/plotly.min.js"
MANIFEST = "manifest.json"
#: names of files that a build has begun to write
UNFINISHED = ".unfinished"
#: from this many pieces of work on, other processes are worth their start
MANY = 200

#: a record, its store, and how many attempts to show
Work = tuple[Record, Path, int]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Options:
    """What a site shows.

    Attributes:
        baselines: methods that rows are compared with; empty for `direct` and the most frequent.
        shown: attempts of each run that its page holds.
    """

    baselines: tuple[str, ...] = ()
    shown: int = SHOWN


@dataclass
class Verified:
    """Runs whose attempts are known to be sound and whose files are written, by their place; a live
    site carries this from one build to the next."""

    places: set[str] = field(default_factory=set)


def build(root: Path, target: Path, options: Options = Options(), verified: Verified | None = None) -> Board:
    """Writes the site of a store, and removes from `target` what an earlier one left there.

    Raises:
        UsageError: no store at `root`; `target` holds something that is no site; plotly is missing.
    """
    _check_target(target)
    old, names = _manifest(target), set[str]()
    board: list[Board] = []
    with _Manifest(target, old) as manifest:
        for name, content in _files(root, options, board.append, verified):
            names.add(name)
            path = target / name
            if not path.is_file() or path.read_bytes() != content:
                manifest.add(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        for record in board[0].held.records:
            names |= set(_run_names(record))
    _write_manifest(target, names)
    for name in old - names:
        (target / name).unlink(missing_ok=True)
    return board[0]


def check(root: Path, target: Path, options: Options = Options()) -> list[str]:
    """The files of a site that are not what the records make: changed, missing, or left over.

    Raises:
        UsageError: no store at `root`.
    """
    different, names = [], set()
    for name, content in _files(root, options, lambda _: None, None):
        names.add(name)
        path = target / name
        same = path.is_file() if name == CARRIED else path.is_file() and path.read_bytes() == content
        if not same:
            different.append(name)
    left = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    return sorted({*different, *(left - names - {MANIFEST, UNFINISHED})})


def build_tables(root: Path, target: Path, options: Options = Options()) -> list[str]:
    """Writes the tables alone into `target`; the names of those that were not there already.

    Raises:
        UsageError: no store at `root`.
    """
    made = tables(load(root, options))
    written = _different(made, target)
    target.mkdir(parents=True, exist_ok=True)
    for name in written:
        (target / name).write_bytes(_bytes(made[name]))
    return written


def check_tables(root: Path, target: Path, options: Options = Options()) -> list[str]:
    """The tables in `target` that are not what the records make.

    Raises:
        UsageError: no store at `root`.
    """
    return _different(tables(load(root, options)), target)


def _different(made: dict[str, str], target: Path) -> list[str]:
    return [
        name
        for name, text in made.items()
        if not (target / name).is_file() or (target / name).read_bytes() != _bytes(text)
    ]


def load(root: Path, options: Options = Options()) -> Board:
    """The board of a store, every record and every attempt verified."""
    board: list[Board] = []
    for _ in _board(root, options, board.append, None, _verify):
        pass
    return board[0]


def _files(
    root: Path, options: Options, take: Callable[[Board], None], verified: Verified | None
) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file, runs first; `take` gets the board once it is made."""
    made: list[Board] = []
    for name, text in _board(root, options, made.append, verified, _run_files):
        yield name, _bytes(text)
    (board,) = made
    take(board)
    for name, text in tables(board).items():
        yield f"tables/{name}", _bytes(text)
    yield "index.html", _bytes(pages.overview(board))
    yield "grids/index.html", _bytes(pages.grids(board))
    yield "runs/index.html", _bytes(pages.runs(board.held.records, board.held.faults))
    for task in board.tasks:
        yield f"tasks/{pages.file_name(task)}.html", _bytes(pages.task(board, task))
    for method in board.methods:
        yield f"methods/{pages.file_name(method)}.html", _bytes(pages.method(board, method))
    for name in ASSETS:
        yield f"assets/{name}", (pages.FOLDER / "assets" / name).read_bytes()
    yield CARRIED, _plotly()


def _board(
    root: Path,
    options: Options,
    take: Callable[[Board], None],
    verified: Verified | None,
    read_run: Callable[[Work], tuple[list[tuple[str, str]], str | None]],
) -> Iterator[tuple[str, str]]:
    """Reads and verifies every run, yields the files of each, then makes the board of the sound ones."""
    held = records.read(root)
    known = verified.places if verified else set()
    places = {id(record): records.place(record, root) for record in held.records}
    fresh = [record for record in held.records if places[id(record)] not in known]
    faults = {}
    with _workers(len(fresh)) as each:
        for record, (files, fault) in zip(
            fresh, each(read_run, [(record, root, options.shown) for record in fresh]), strict=True
        ):
            if fault:
                faults[places[id(record)]] = fault
            else:
                yield from files
                known.add(places[id(record)])
        sound = held.without(faults)
        keyed = groups(sound)
        sections = [
            one for found in each(_page, [(rows, options.baselines) for rows in keyed]) for one in found
        ]
    take(Board(sound, with_varying_fields(sections)))


def _verify(work: Work) -> tuple[list[tuple[str, str]], str | None]:
    """No file, and what is wrong with the attempts of a run."""
    record, root, _ = work
    try:
        browser_script(record, 0)
        read_curve(record)
    except RecordError as error:
        return [], records.sentence(error, root)
    return [], None


def _run_files(work: Work) -> tuple[list[tuple[str, str]], str | None]:
    """The files of a run, or what is wrong with its attempts."""
    record, root, shown = work
    try:
        script = browser_script(record, shown)
        read_curve(record)
    except RecordError as error:
        return [], records.sentence(error, root)
    return list(zip(_run_names(record), (script, pages.run(record, root)), strict=True)), None


def _run_names(record: Record) -> tuple[str, str]:
    """The files of a run: its attempts and its page."""
    name = pages.run_name(record)
    return f"attempts/{name}.js", f"runs/{name}.html"


def _page(work: tuple[Sequence[dict[str, Any]], Sequence[str]]) -> list[Section]:
    return page(*work)


class _workers:
    """`map` in this process, or over as many as there are cores where the work is worth it.

    Processes are spawned, not forked: pyarrow's threads don't survive a fork.
    """

    def __init__(self, pieces: int) -> None:
        self._pool: ProcessPoolExecutor | None = None
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if pieces >= MANY and cores > 1:
            from multiprocessing import get_context

            self._pool = ProcessPoolExecutor(min(cores, 8), mp_context=get_context("spawn"))

    def __enter__(self) -> _workers:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, function: Callable[[T], R], work: Sequence[T]) -> Iterable[R]:
        if self._pool is None:
            return map(function, work)
        return self._pool.map(function, work, chunksize=max(1, min(16, len(work) // 16)))


def _bytes(text: str) -> bytes:
    return json_without_secrets(text).encode("utf-8", "replace")


def _plotly() -> bytes:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise UsageError(WEB) from None
    return str(get_plotlyjs()).encode("utf-8")


WEB = "the site needs jinja2 and plotly: pip install 'method-harness[web]'"


def _manifest(target: Path) -> set[str]:
    """The files that an earlier build left, finished or killed; only these may be removed."""
    found = list[Any]()
    with suppress(OSError, ValueError, KeyError, TypeError):
        found += read_json(target / MANIFEST)["files"]
    with suppress(OSError):
        for line in read_file(target / UNFINISHED).split(b"\n"):
            with suppress(ValueError):  # the last may be half a line
                found.append(plain_json(line))
    names = (name for name in found if isinstance(name, str) and name)
    return {name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()}


class _Manifest:
    """The names of a build that isn't finished, each on the disk before its file is: whatever ends the build,
    the next one knows these files for its own."""

    def __init__(self, target: Path, old: set[str]) -> None:
        self._target, self._known = target, set(old)

    def __enter__(self) -> _Manifest:
        if not (self._target / MANIFEST).is_file():
            _write_manifest(self._target, self._known)
        self._file = open(self._target / UNFINISHED, "a", encoding="utf-8")
        return self

    def add(self, name: str) -> None:
        if name not in self._known:
            self._known.add(name)
            self._file.write(json.dumps(name) + "\n")
            self._file.flush()

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _write_manifest(target: Path, names: Iterable[str]) -> None:
    text = json.dumps({"kind": "harness leaderboard", "files": sorted(names)}, indent=1) + "\n"
    write_file(target / MANIFEST, text.encode())
    (target / UNFINISHED).unlink(missing_ok=True)


def _check_target(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is no folder; choose another one with --out")
    ours = (target / MANIFEST).is_file()
    if (
        not ours
        and target.is_dir()
        and any(not path.name.startswith(f".{MANIFEST}") for path in target.iterdir())
    ):
        raise UsageError(
            f"{target} is not empty and no site of an earlier build; choose another folder with --out"
        )
    target.mkdir(parents=True, exist_ok=True)
