"""What was found out about the files of a store, kept beside them: believed for a file that is as it was, and
only where this user wrote it, so that no store brings its own.

One JSON object; each line is an entry, `"name": ["seal", stamp, value]`. The seal is a keyed hash of name,
stamp and value, by a key in the cache's folder. Without it an entry is not there, and is found out again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.files import Stamp, read_file, write_file

#: bytes of a file of entries that is read
LARGEST = 1 << 31
_BETWEEN = b': ["'
Entries = dict[str, tuple[Stamp, Any]]


def read_kept(path: Path) -> Entries:
    """The entries that can be believed, by name."""
    try:
        lines = read_file(path, LARGEST).split(b"\n")
    except OSError:
        return {}
    key, found = _key(paths.cache_dir()), Entries()
    for line in lines:
        name, _, rest = line.partition(_BETWEEN)
        seal, _, held = rest.partition(b'", ')
        if held and seal == _seal(key, name, held.rstrip(b",")):
            entry = json.loads(b"[" + held.rstrip(b","))
            found[json.loads(name)] = entry[0], entry[1]
    return found


def write_kept(path: Path, entries: Mapping[str, tuple[Stamp, Any]]) -> None:
    """Keeps entries in place of what was kept. Where that fails, they are found out again."""
    key, lines = _key(paths.cache_dir()), [b"{"]
    for name, (stamp, value) in entries.items():
        text = json.dumps(name).encode()
        held = f"{json.dumps(stamp)}, {json.dumps(value)}]".encode()
        lines.append(text + _BETWEEN + _seal(key, text, held) + b'", ' + held + b",")
    lines[-1] = lines[-1].rstrip(b",")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, b"\n".join([*lines, b"}\n"]))
    except OSError:
        pass


def _seal(key: bytes, name: bytes, held: bytes) -> bytes:
    return hashlib.blake2b(name + b"\0" + held, key=key, digest_size=16).hexdigest().encode()


@cache
def _key(folder: Path) -> bytes:
    """This user's key; one for this process alone where none can be kept."""
    path = folder / "index.key"
    for _ in range(2):
        try:
            if len(found := read_file(path, 32)) == 32:
                return found
        except OSError:
            pass
        made = secrets.token_bytes(32)
        part = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(made)
            try:
                os.link(part, path)  # of two processes the first one's counts
            except FileExistsError:
                if len(read_file(path, 1 << 20)) != 32:
                    os.replace(part, path)
        except OSError:
            return made
        finally:
            part.unlink(missing_ok=True)
    return made
