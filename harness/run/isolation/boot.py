"""What a worker of `--isolate` does before any code of a method: the walls, then the imports behind them.

Imports no harness until the walls stand. Reads one line from its channel, which says what may be read; what
doesn't hold on this machine it says on the channel, and ends.
"""

from __future__ import annotations

import ctypes
import importlib.abc
import importlib.util
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

#: bytes of address space, bytes of one file, open files
MEMORY, FILE, FILES = 16 << 30, 256 << 20, 512
#: the first version of Landlock that also refuses to truncate a file
LANDLOCK = 3
_NEWNET, _NEWUSER, _PARENT_ENDS = 0x40000000, 0x10000000, 1
_CAPABILITIES_3 = 0x20080522


def loaded(name: str, path: str) -> ModuleType:
    """A module from a file, by no search."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Given(importlib.abc.MetaPathFinder):
    """Finds the modules of the harness and of the method where the runner said that they are: nothing lists
    the folders that they lie in."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        place = self._places.get(name)
        if place is None:
            return None
        below = [os.path.dirname(place)] if os.path.basename(place) == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, place, submodule_search_locations=below)


def limit() -> None:
    """Memory, files, no network."""
    libc = ctypes.CDLL(None)
    for which, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        hard = resource.getrlimit(which)[1]
        most = most if hard < 0 else min(most, hard)
        resource.setrlimit(which, (most, most))
    if libc.unshare(_NEWNET) != 0:  # where it can't, no socket can be made all the same
        libc.unshare(_NEWUSER | _NEWNET)


def no_privileges() -> bool:
    """Gives up what root may do beyond others; whether that went."""
    libc = ctypes.CDLL(None)
    head = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    return bool(libc.capset(ctypes.byref(head), ctypes.byref((ctypes.c_uint32 * 6)())) == 0)


def fault_of_walls(settings: dict[str, Any]) -> str:
    """Puts up the walls, and tries them; what doesn't hold, empty where all does."""
    walls, seccomp = (loaded(name, settings["walls"][name]) for name in ("walls", "seccomp"))
    if len(os.listdir("/proc/self/task")) != 1:
        return "a thread was there before the walls"
    limit()
    if walls.landlock_version() < LANDLOCK or not walls.landlock(
        settings["readable"], settings["scratch"], settings["listed"]
    ):
        return f"the kernel has no Landlock of version {LANDLOCK}"
    if not no_privileges():
        return "the privileges of root can't be given up"
    # once its rights are settled, as a change of them would undo this; later it can't be undone
    ctypes.CDLL(None).prctl(_PARENT_ENDS, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != settings["parent"]:
        return "its runner is gone"
    if not seccomp.no_processes(alone=True):
        return "the kernel takes no filter of system calls"
    for place in settings["secret"]:
        try:
            os.close(os.open(place, os.O_RDONLY))
        except PermissionError:
            continue
        except OSError as error:
            return f"{place} can't be tried: {error}"
        return f"{place} can be read"
    try:
        socket.socket().close()
    except PermissionError:
        return ""
    return "a socket can be made"


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    line = b""
    while not line.endswith(b"\n"):
        part = channel.recv(1 << 16)
        if not part:
            return
        line += part
    settings = json.loads(line)
    try:
        fault = fault_of_walls(settings)
    except (OSError, AttributeError, KeyError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        channel.sendall(json.dumps({"do": "walls", "fault": fault}).encode() + b"\n")
        return
    sys.meta_path.insert(0, Given(settings["places"]))
    sys.path += [entry for entry in settings["path"] if entry not in sys.path]
    try:
        from harness.run.isolation.inside import serve
    except Exception as error:  # a library that lies where nothing may be read
        text = f"{type(error).__name__}: {error}"
        failed = {
            "do": "failed",
            "where": "load",
            "own": None,
            "text": text,
            "said": f": {text}",
            "number": None,
        }
        channel.sendall(json.dumps(failed).encode() + b"\n")
        return
    serve(channel, settings["load"])


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
