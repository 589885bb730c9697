"""Files that others may have put in place of ours: read without waiting for what is none, written whole or
not at all."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.base.errors import RecordError, reason_of
from harness.base.locks import own_file

#: bytes of a file of JSON, and levels in it, that are read
LARGEST, DEEPEST = 1 << 28, 64
HALF = "it holds half a character (a lone surrogate)"
NO_JSON = "which JSON doesn't know"
#: whole numbers up to here fit wherever numbers go
WHOLE = 10**300

#: modification, change of the inode, size and inode of a file: nobody can set the second at will
Stamp = list[int]


def stamp_of(status: os.stat_result) -> Stamp:
    """What of a file's status tells that its content is the same as before."""
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]


def check_file(path: str | Path) -> os.stat_result:
    """The status of a file that can be opened without waiting.

    Raises:
        OSError: there is none, or it is a folder, a pipe, a device or a socket.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    return status


def files_below(folder: Path) -> dict[str, Path]:
    """The files below a folder, by their place in it, in order; no hidden ones and no compiled Python, whose
    folders, which can be large (`.venv`, `.git`), aren't entered."""
    found: dict[str, Path] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        shown = (Path(place, name) for name in names if not name.startswith((".", "__pycache__")))
        found.update((path.relative_to(folder).as_posix(), path) for path in shown if path.is_file())
    return dict(sorted(found.items()))


def read_file(path: str | Path, most: int = LARGEST) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: as `check_file`; it can't be read, or has more than `most` bytes.
    """
    check_file(path)
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"it is too large: more than {most} bytes")
    return found


def read_json(path: str | Path, most: int = LARGEST) -> Any:
    """The JSON of a file, as `plain_json`.

    Raises:
        OSError: as `read_file`.
        ValueError: as `plain_json`.
    """
    return plain_json(read_file(path, most))


def plain_json(text: bytes | str) -> Any:
    """JSON that every reader understands, and that is written back as it was read.

    Raises:
        ValueError: it is none, or holds NaN, an infinity, a number that is too large, half a character, or
            more than 64 levels.
    """
    try:
        value = json.loads(text.decode("utf-8") if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if fault := plain_fault(value):
        raise ValueError(fault)
    return value


def plain_fault(value: Any) -> str:
    """Why a value of Python has no JSON that every reader understands; empty where it has."""
    waiting: list[tuple[Any, int]] = [([value], 0)]
    while waiting:
        held, depth = waiting.pop()
        if depth > DEEPEST:
            return f"it is nested in more than {DEEPEST} levels"
        if type(held) is dict:
            for key in held:
                if type(key) is not str:
                    return f"it holds the key {key!r}, which is no text"
                if not key.isascii() and not _whole(key):
                    return HALF
            held = held.values()
        for each in held:
            kind = type(each)
            if kind is str:
                if not each.isascii() and not _whole(each):
                    return HALF
            elif kind is dict or kind is list:
                waiting.append((each, depth + 1))
            elif kind is float:
                if not math.isfinite(each):
                    return f"it holds {each}, which is no number of JSON"
            elif kind is int:
                if not -WHOLE < each < WHOLE:
                    return "it holds a whole number of more than 300 digits"
            elif kind is not bool and each is not None:
                return f"it holds a {kind.__name__}, {NO_JSON}"
    return ""


def _whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def write_file(path: Path, content: bytes) -> None:
    """Puts a file in place in one step, on the disk before its name is. What a killed process left half
    written is written anew by the next.

    Raises:
        OSError: it can't be written; what was there stays.
    """
    part = path.with_name(f".{path.name}.part")
    with own_file(part) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """A block that reads a file of a store, of which anything may be wrong.

    Raises:
        RecordError: it is no regular file, or the block found that it can't be read.
    """
    try:
        check_file(path)
        yield
    except (RecordError, GeneratorExit):
        raise
    except OSError as error:
        raise RecordError(f"{path} can't be read: {(error.strerror or reason_of(error))[:200]}") from None
    except Exception as error:  # pyarrow's errors are of many kinds, and so are those of what it made
        raise RecordError(f"{path} can't be read: {reason_of(error)[:200]}") from None


def sync_folder(path: Path) -> None:
    """Puts the names in a folder on the disk, where the file system can."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
