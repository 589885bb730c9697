"""Where records lie: one folder a run, written whole or not at all, never changed."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from harness.base.errors import RecordError, UsageError, nearest
from harness.base.files import read_json, sync_folder
from harness.base.locks import own_folder
from harness.base.paths import slug
from harness.results.places import RUN, beside, places
from harness.results.places import existing as existing

if TYPE_CHECKING:
    from harness.run.plan import Cell


#: bytes of a record that are written and read; the attempts have a file of their own
LARGEST_RECORD = 16 << 20
#: how often a place for an attempt is looked for
MOST_TRIES = 100
VERIFY = "'harness results verify' lists every broken record"
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
        return [path for _, path in self._numbered(folder) if os.path.lexists(path / "run.json")]

    def next_attempt(self, folder: Path) -> int:
        """The number of the attempt that would be sealed next."""
        return max((number for number, _ in self._numbered(folder)), default=0) + 1

    def _numbered(self, folder: Path) -> list[tuple[int, Path]]:
        """What lies where the attempts of a run belong, by number."""
        try:
            names = os.listdir(folder.parent)
        except OSError:
            return []
        found = []
        for name in names:
            known = RUN.fullmatch(name)
            if known and name.partition("-")[0] == folder.name:
                found.append((int(known[1] or 1), folder.with_name(name)))
        return sorted(found)

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
            found = read_json(path, LARGEST_RECORD)
        except OSError as error:
            raise RecordError(f"{path} can't be read ({error.strerror or error}); {VERIFY}") from None
        except ValueError as error:
            raise RecordError(f"{path} can't be read ({error}); {VERIFY}") from None
        record = check(found, str(path))
        attempt = RUN.fullmatch(folder.name)
        if attempt and not record["run_id"].startswith(folder.name.partition("-")[0]):
            raise RecordError(f"{path} is of run {record['run_id'][:12]}; put it back into its own folder")
        return {
            **record,
            # no digest holds the number, and the folder's is the one by which attempts are found
            "attempt": int(attempt[1] or 1) if attempt else record["attempt"],
            "record": str(path),
            "samples_path": beside(folder, record["samples"]["file"]),
        }

    def sealing(self) -> AbstractContextManager[Path]:
        """A folder in which an attempt is put together; it goes after the block, unless it was sealed.

        Raises:
            OSError: it can't be made.
        """
        return own_folder(self.root / ".running", "seal-")

    def seal(self, folder: Path, made: Path, record: Callable[[int], bytes]) -> Path:
        """Puts the files of an attempt in place at once: in the run's next free folder.

        Args:
            folder: of the run's first attempt.
            made: as `sealing` gives it, with all files but `run.json`.
            record: the content of `run.json` for the number of the attempt.

        Raises:
            RecordError: the disk is full or not writable; the journal is kept.
        """
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(MOST_TRIES):
                number = self.next_attempt(folder)
                (made / "run.json").write_bytes(record(number))
                for path in made.iterdir():
                    with open(path, "rb") as written:
                        os.fsync(written.fileno())
                place = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
                try:
                    made.rename(place)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                        raise
                    continue  # another process sealed this attempt meanwhile
                sync_folder(place.parent)
                return place
            raise OSError(errno.EEXIST, "its place is taken over and over")
        except OSError as error:
            raise RecordError(
                f"can't seal the run in {folder}: {error.strerror or error}; every attempt is kept, "
                "run the same command to seal it"
            ) from error

    def folders(self) -> Iterator[Path]:
        """The folder of every sealed record, in a fixed order."""
        for place in places(self.root):
            if not place.fault:
                yield self.root / place.folder

    def each(self) -> Iterator[tuple[str, dict[str, Any] | RecordError]]:
        """Every place of a record, by its path in the store, with the record or why it can't be trusted."""
        seen: dict[tuple[str, int], str] = {}
        for place in places(self.root):
            folder = self.root / place.folder
            try:
                if place.fault:
                    raise RecordError(place.fault)
                record = self.read(folder)
                if fault := twice(record, str(folder), seen):
                    raise RecordError(fault)
            except RecordError as error:
                if os.path.lexists(folder):  # else it was removed meanwhile
                    yield place.folder, error
            else:
                yield place.folder, record

    def sound(self, faults: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every record that can be trusted; what is said of the others is added to `faults`.

        Raises:
            RecordError: one of them can't be trusted, and there is no `faults`.
        """
        for _, found in self.each():
            if not isinstance(found, RecordError):
                yield found
            elif faults is None:
                raise found
            else:
                faults.append(str(found))

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
            RecordError: it can't be trusted, or lies in several places.
        """
        known: dict[str, list[Path]] = {}
        for place in places(self.root):
            folder = self.root / place.folder
            if RUN.fullmatch(folder.name):
                known.setdefault(folder.name, []).append(folder)
        stem, dash, number = run.partition("-")
        if dash and (attempt := stem if number == "1" else run) in known:
            return self.read(_only(known[attempt]))
        names = {name.partition("-")[0] for name in known}
        # folders carry 12 digits
        found = [] if dash else sorted(name for name in names if name.startswith(run[:12]))
        if not found:
            raise self._no_run(run, known)
        if len(found) > 1:
            raise UsageError(f"{run!r} is the beginning of {len(found)} runs: {', '.join(found[:5])}")
        numbers = [name for name in known if name.partition("-")[0] == found[0]]
        record = self.read(_only(known[max(numbers, key=lambda name: int(name.partition("-")[2] or 1))]))
        if not str(record["run_id"]).startswith(run):
            raise self._no_run(run, known)
        return record

    def _no_run(self, run: str, known: Iterable[str]) -> UsageError:
        return UsageError(f"no run {run!r} in {self.root}; {nearest(run, known, 'run')}")


def _only(folders: Sequence[Path]) -> Path:
    if len(folders) > 1:
        raise RecordError(f"{folders[0]} is there again as {folders[1]}; remove one of them")
    return folders[0]


def twice(record: Mapping[str, Any], folder: str, seen: dict[tuple[str, int], str]) -> str:
    """Why a record is no further one: it is there already. Empty for one that isn't, which is noted in
    `seen`."""
    key = (record["run_id"], record["attempt"])
    first = seen.setdefault(key, folder)
    return "" if first == folder else f"{folder} is attempt {key[1]} of a run that {first} has already"
