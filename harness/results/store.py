"""Where records lie: one folder a run, written whole or not at all, never changed."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from harness.base.errors import RecordError, UsageError, nearest
from harness.base.paths import slug

if TYPE_CHECKING:
    from harness.run.plan import Cell


R = TypeVar("R", bound=Mapping[str, Any])


class Standing(NamedTuple):
    """The records that tables show; how many others a newer record replaces; how many runs are retracted."""

    in_force: list[Any]
    superseded: int
    retracted: int


def standing(records: Iterable[R]) -> Standing:
    """Which of all sealed records are in force: the newest attempt of each run, unless it is a
    retraction or a record in force supersedes the run, be it through others.

    Args:
        records: anything with the keys run_id, attempt, status and supersedes of a record.
    """
    newest: dict[str, R] = {}
    corrects: dict[str, set[str]] = {}
    sealed: Counter[str] = Counter()
    for record in records:
        run = record["run_id"]
        sealed[run] += record["status"] != "retracted"
        if run not in newest or newest[run]["attempt"] < record["attempt"]:
            newest[run] = record
        if record["supersedes"] not in (None, run):
            corrects.setdefault(run, set()).add(record["supersedes"])
    live = {run: record for run, record in newest.items() if record["status"] != "retracted"}
    superseded: set[str] = set()
    waiting = [run for first in live for run in corrects.get(first, ())]
    while waiting:
        run = waiting.pop()
        if run not in superseded:
            superseded.add(run)
            waiting += corrects.get(run, ())
    shown = [record for run, record in live.items() if run not in superseded]
    replaced = sum(sealed[run] for run in live) - len(shown)
    return Standing(shown, replaced, len(newest) - len(live))


def existing(root: str | Path) -> Path:
    """The folder of a store that is read, where a mistyped name must not pass as a store without runs.

    Raises:
        UsageError: there is no such folder.
    """
    if not Path(root).is_dir():
        raise UsageError(f"no result store at {root}; 'harness eval' makes one, --store names another")
    return Path(root)


class Store:
    """A folder of results: `v1/<task>/<N>/<method>/<model>/<run id>[-attempt]/run.json`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run_folder(self, cell: Cell, run_id: str, model: str = "") -> Path:
        """The folder of a run's first attempt; later ones are next to it with a number.

        Args:
            model: the model's name in the record, where that isn't the cell's: a file's has no path.
        """
        version = str(cell.task.comparability_version)
        above = self.root / "v1" / slug(cell.task.name) / version / slug(cell.method.name)
        folder = above / slug(model or cell.model) / run_id[:12]
        if cell.model.startswith("recorded/") and not folder.exists():  # once it was named after a path
            folder = next(above.glob(f"recorded__*/{run_id[:12]}"), folder)
        return folder

    def running_folder(self, run_id: str) -> Path:
        """Where the journal of an unfinished run lies."""
        return self.root / ".running" / run_id[:12]

    def attempts(self, folder: Path) -> list[Path]:
        """The folders of a run's attempts that are sealed, oldest first."""
        if not folder.parent.is_dir():
            return []
        found = []
        for path in folder.parent.iterdir():
            name, _, number = path.name.partition("-")
            if name == folder.name and (path / "run.json").exists():
                found.append((int(number) if number.isdigit() else 1, path))
        return [path for _, path in sorted(found)]

    def sealed(self, folder: Path) -> dict[str, Any] | None:
        """The newest record of a run, None if there is none.

        Raises:
            RecordError: it can't be trusted.
        """
        attempts = self.attempts(folder)
        return self.read(attempts[-1]) if attempts else None

    def read(self, folder: Path) -> dict[str, Any]:
        """One record, verified; `record` and `samples_path` say where it lies.

        Raises:
            RecordError: it can't be read or trusted.
        """
        from harness.results.schema import check

        path = folder / "run.json"
        try:
            raw = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RecordError(
                f"{path} can't be read ({error}); 'harness results verify' lists every broken record"
            ) from None
        record = check(raw, str(path))
        return {**record, "record": str(path), "samples_path": str(folder / record["samples"]["file"])}

    def seal(self, folder: Path, files: dict[str, bytes | Path]) -> Path:
        """Puts a run's files in place at once: the next free attempt folder.

        Raises:
            RecordError: the disk is full or not writable; the journal is kept.
        """
        temporary = self.root / ".running" / f"seal-{uuid.uuid4().hex}"
        try:
            temporary.mkdir(parents=True)
            for name, content in files.items():
                target = temporary / name
                if isinstance(content, Path):
                    shutil.move(content, target)
                else:
                    target.write_bytes(content)
                with open(target, "rb") as written:
                    os.fsync(written.fileno())
            folder.parent.mkdir(parents=True, exist_ok=True)
            number = len(self.attempts(folder)) + 1
            while True:
                place = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
                try:
                    temporary.rename(place)
                    return place
                except OSError:
                    if not place.exists():
                        raise
                    number += 1
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise RecordError(
                f"can't seal the run in {folder}: {error.strerror}; every attempt is kept, "
                "run the same command to seal it"
            ) from error

    def folders(self) -> Iterator[Path]:
        """The folder of every sealed record, in a fixed order."""
        for path in sorted((self.root / "v1").glob("*/*/*/*/*/run.json")):
            yield path.parent

    def sound(self, faults: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every record that can be trusted; what is said of the others is added to `faults`.

        Raises:
            RecordError: one of them can't be trusted, and there is no `faults`.
        """
        for folder in self.folders():
            try:
                yield self.read(folder)
            except RecordError as error:
                if faults is None:
                    raise
                faults.append(str(error))

    def standing(self, faults: list[str] | None = None) -> Standing:
        """The records in force, with how many are superseded or retracted; `faults` as in `sound`."""
        return standing(self.sound(faults))

    def records(self, faults: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every record that is in force; `faults` as in `sound`."""
        yield from self.standing(faults).in_force

    def find(self, run: str) -> dict[str, Any]:
        """The newest record whose run id begins with `run`; `<12 digits>-<number>` is one attempt.

        Raises:
            UsageError: none or several do.
        """
        known = {folder.name: folder for folder in self.folders()}
        if "-" in run and run in known:  # one attempt of several
            return self.read(known[run])
        names = {name.partition("-")[0] for name in known}
        found = sorted(name for name in names if name.startswith(run[:12]))  # folders carry 12 digits
        if not found:
            raise UsageError(f"no run {run!r} in {self.root}; {nearest(run, known, 'run')}")
        if len(found) > 1:
            raise UsageError(f"{run!r} is the beginning of {len(found)} runs: {', '.join(found[:5])}")
        (folder,) = {known[name].with_name(found[0]) for name in known if name.partition("-")[0] == found[0]}
        return self.read(self.attempts(folder)[-1])
