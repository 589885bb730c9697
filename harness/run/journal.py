"""The attempts of a run while it goes: one JSON line each, on disk before the next is asked for."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, get_args
from zlib import crc32

from harness.base.errors import RecordError
from harness.base.files import check_file, plain_fault, plain_json, read_json, write_file
from harness.base.locks import Lock
from harness.base.secrets import json_without_secrets
from harness.results.places import number_of
from harness.results.store import Store
from harness.sample import Status

ATTEMPTS = "samples.jsonl"
_SUM = b',"sum":'
READ_AT_ONCE = 16384
#: made once, as making it costs as much as a line does
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


class Journal:
    """`samples.jsonl` of one run, held by one process at a time.

    Every attempt is written with one system call, so that killing the process loses none that was
    finished; fsync, which guards against a power cut, comes once a second at most. Each line ends in a
    checksum: one that was damaged is asked again, those beside it are not.

    Scores of attempts are held in memory beside it, and made again after a kill: no file says, while a method
    answers, what its answers are worth.

    A journal names the sealed attempt that it will become, and dies with it (`outlived`).

    Args:
        lock: of the folder, where it is taken already.

    Raises:
        RecordError: another process holds it, or it can't be written.
    """

    def __init__(self, folder: Path, lock: Lock | None = None) -> None:
        self.folder, self.path = folder, folder / ATTEMPTS
        self._lock = lock or Lock(folder / "lock")
        self._file = -1
        self.places: dict[tuple[int, int], tuple[int, int]] = {}
        self._unscored: set[tuple[int, int]] = set()
        self._scores: dict[tuple[int, int], Mapping[str, Any]] = {}
        self._alike: dict[str, Mapping[str, Any]] = {}  # many attempts have one score, which is held once
        #: what attempts spent that failed and are asked again
        self.given_up: list[dict[str, Any]] = []
        #: lines that were damaged
        self.broken = 0
        try:
            owner = None if lock else self._lock.take()
            if owner:
                raise RecordError(
                    f"this cell is being written by another process ({owner}); wait for it, or "
                    "choose another store with --store"
                )
            about = self._about()
            #: digests of the code that made the attempts, by part; empty where nothing says it
            self.code: dict[str, str] = about["code"] if isinstance(about.get("code"), dict) else {}
            #: the number of the sealed attempt that it becomes
            self.attempt = about["attempt"] if type(about.get("attempt")) is int else 1
            self._end = self._recover()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            self._lock.release()
            raise RecordError(f"can't write to {folder}: {error.strerror or error}") from error
        except BaseException:
            self._lock.release()
            raise
        self._synced = time.monotonic()

    def _recover(self) -> int:
        """Finds the attempts of an earlier, interrupted run; cuts off a half-written last line."""
        if not os.path.lexists(self.path):
            return 0
        check_file(self.path)
        end = 0
        with open(self.path, "rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                if attempt := _read(line):
                    key = attempt["n"], attempt["epoch"]
                    if attempt["status"] == "error":
                        self.places.pop(key, None)  # asked again
                        self.given_up.append(attempt.get("usage") or {})
                    else:
                        self._note(attempt, end, len(line))
                else:
                    self.broken += 1
                end += len(line)
        os.truncate(self.path, end)
        return end

    def describe(
        self, title: str, wanted: int, code: Mapping[str, str], attempt: int = 1, run: str = ""
    ) -> None:
        """Says what the run is and how many attempts it wants, for those who look on, which code makes them,
        and what they will be sealed as.

        Args:
            attempt: the number of the sealed attempt.
            run: the folder of the run in the store.

        Raises:
            RecordError: the disk is full or gone.
        """
        self.code, self.attempt = dict(code), attempt
        about = {"title": title, "wanted": wanted, "code": self.code, "attempt": attempt, "run": run}
        try:
            write_file(self.folder / "about.json", json_without_secrets(json.dumps(about)).encode())
        except OSError as error:
            raise RecordError(f"can't write to {self.folder}: {error.strerror or error}") from error

    def _about(self) -> dict[str, Any]:
        return about(self.folder)

    def score(self, attempt: Mapping[str, Any], score: Mapping[str, Any]) -> None:
        """Holds the score of an attempt: its metrics and, where the score decides on them, status and
        reason."""
        key = attempt["n"], attempt["epoch"]
        self._scores[key] = self._alike.setdefault(repr(score), score)
        self._unscored.discard(key)

    def ungraded(self) -> list[tuple[int, Mapping[str, Any]]]:
        """Attempts at which the grader broke down, in their order: the sample's position, and what `score`
        holds. No file does, so that whoever goes on scores them again."""
        keys = sorted(key for key, held in self._scores.items() if held.get("grader_failed"))
        return [(key[0], self._scores[key]) for key in keys]

    def append(self, attempt: dict[str, Any]) -> None:
        """Keep one attempt; `n` is the sample's position in its split.

        Raises:
            RecordError: no record can hold it, or the disk is full or gone; everything written before stays.
        """
        if fault := plain_fault(attempt):
            raise RecordError(f"an attempt at {attempt.get('sample_id')!r} can't be kept: {fault}")
        line = _summed(json_without_secrets(_ENCODER.encode(attempt)).encode())
        try:
            written = os.pwrite(self._file, line, self._end)
            if written != len(line):
                raise OSError(28, "No space left on device")
            if time.monotonic() - self._synced > 1.0:
                os.fsync(self._file)
                self._synced = time.monotonic()
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise RecordError(
                f"can't write to {self.path}: {error.strerror}; nothing finished is "
                "lost, run the same command to go on"
            ) from error
        self._note(attempt, self._end, len(line))
        self._end += len(line)

    def attempts(self) -> Iterator[dict[str, Any]]:
        """Every attempt, ordered by sample and epoch, read from disk one at a time."""
        return self._at(sorted(self.places))

    def unscored(self) -> list[dict[str, Any]]:
        """The attempts that wait for their score, in the same order."""
        return list(self._at(sorted(self._unscored & self.places.keys())))

    def _at(self, keys: Iterable[tuple[int, int]]) -> Iterator[dict[str, Any]]:
        """The attempts of these keys. Neighbours are read together: most are asked for one after another."""
        held, first = b"", 0
        for key in keys:
            start, length = self.places[key]
            if not first <= start <= first + len(held) - length:
                held, first = os.pread(self._file, max(length, READ_AT_ONCE), start), start
            attempt = json.loads(held[start - first : start - first + length])
            yield {**attempt, **self._scores.get(key, {})}

    def _note(self, attempt: Mapping[str, Any], start: int, length: int) -> None:
        """Says where the line of an attempt is."""
        key = attempt["n"], attempt["epoch"]
        self.places[key] = (start, length)
        if attempt.get("metrics") is None:
            self._unscored.add(key)
        else:
            self._unscored.discard(key)

    def keep_only(self, fits: Callable[[dict[str, Any]], bool]) -> int:
        """Forgets the attempts that are none of the run's; how many there were."""
        attempts = zip(sorted(self.places), self.attempts(), strict=True)
        strange = [key for key, attempt in attempts if not fits(attempt)]
        for key in strange:
            del self.places[key]
        return len(strange)

    def keep_fit(self, spent: dict[str, Any]) -> None:
        """Keep what `fit` spent, looked at, learned and drew, for a run that is killed between its last
        answer and its seal and doesn't fit again.

        Raises:
            RecordError: no record can hold it, or the disk is full or gone.
        """
        if fault := plain_fault(spent):
            raise RecordError(f"what fit spent and read can't be kept: {fault}")
        part = self.folder / "fit.part"
        try:
            part.write_text(json_without_secrets(json.dumps(spent)), "utf-8")
            part.replace(self.folder / "fit.json")
        except OSError as error:
            raise RecordError(f"can't write to {self.folder}: {error.strerror}") from error

    def keep_lost(self, spent: dict[str, Any]) -> None:
        """Keep what was paid, or may have been, for attempts that aren't finished, by all processes."""
        part = self.folder / "lost.part"
        try:
            part.write_text(json.dumps(spent), "utf-8")
            part.replace(self.folder / "lost.json")
        except OSError as error:
            raise RecordError(f"can't write to {self.folder}: {error.strerror}") from error

    def lost(self) -> dict[str, Any]:
        """What `keep_lost` kept; empty if nothing was."""
        return _object(self.folder / "lost.json")

    def fit(self) -> dict[str, Any]:
        """What `fit` spent, looked at, learned and drew; empty if it didn't end."""
        return _object(self.folder / "fit.json")

    def keep_served(self, served: Mapping[str, Any]) -> None:
        """Keep what came to and from the models so far: attempts don't say it. One that can't be written
        is no reason to stop, as it is written again with whatever comes next."""
        with suppress(OSError):
            (self.folder / "served.json").write_text(json_without_secrets(json.dumps(served)), "utf-8")

    def served(self) -> dict[str, Any]:
        """What `keep_served` kept; empty if nothing was."""
        return _object(self.folder / "served.json")

    def clear(self) -> None:
        """Begin again: none of what was written is found by whoever goes on later."""
        os.ftruncate(self._file, 0)
        self._end = 0
        self.places.clear()
        self._scores.clear()
        self.given_up.clear()
        for name in ("fit.json", "served.json", "lost.json"):
            (self.folder / name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Forget the journal, once the run is sealed."""
        remove(self.folder)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


def about(folder: Path) -> dict[str, Any]:
    """What a journal says of itself; empty where it says nothing, or is damaged."""
    return _object(folder / "about.json")


def remove(folder: Path) -> None:
    """Takes a journal away, its attempts first: what is left of one that was killed meanwhile has none."""
    with suppress(OSError):
        for path in sorted(folder.iterdir(), key=lambda path: path.name != ATTEMPTS):
            path.unlink(missing_ok=True)
        folder.rmdir()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """A block in which nobody writes the journal of a run, and after which it is gone: what was answered for
    a run that is retracted doesn't come back.

    Raises:
        RecordError: a process writes it, or it can't be locked.
    """
    lock = Lock(folder / "lock")
    try:
        if owner := lock.take():
            raise RecordError(f"{owner} measures this run; wait for it, or end it first")
    except OSError as error:
        raise RecordError(f"can't write to {folder}: {error.strerror or error}") from error
    try:
        yield
        remove(folder)
    finally:
        if not (folder / ATTEMPTS).exists():
            remove(folder)
        lock.release()


def outlived(store: Store, folder: Path, attempt: int) -> bool:
    """Whether a journal that becomes an attempt of the run in `folder` is of the past: that attempt or a
    later one is sealed, and not as stopped, after which it goes on."""
    for path in store.attempts(folder)[::-1]:
        if number_of(path) < attempt:
            break
        try:
            if store.read(path)["status"] != "stopped":
                return True
        except RecordError:
            return True
    return False


def _object(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _summed(text: bytes) -> bytes:
    """A JSON object as a line that ends in its own checksum."""
    return b'%b%b"%08x"}\n' % (text[:-1], _SUM, crc32(text))


def _read(line: bytes) -> dict[str, Any] | None:
    """The attempt of a line; None where it is damaged. Lines of earlier versions have no checksum."""
    text, marked, found = line.rstrip(b"\n").rpartition(_SUM)
    if marked and found != b'"%08x"}' % crc32(text + b"}"):
        return None
    try:
        attempt = plain_json(line)
    except ValueError:
        return None
    sound = (
        isinstance(attempt, dict)
        and all(type(attempt.get(name)) is int and attempt[name] >= 0 for name in ("n", "epoch"))
        and attempt.get("status") in get_args(Status)
        and isinstance(attempt.get("usage") or {}, dict)
        and isinstance(attempt.get("metrics") or {}, dict)
    )
    return attempt if sound else None
