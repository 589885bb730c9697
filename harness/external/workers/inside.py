"""What runs in a worker: limits, then the script, then one answer a request. Imports no harness.

A script that wants something from outside calls `outside(what, **fields)`, which is put among its globals:
the process that made the request serves it, or it raises. One thread at a time may call it, while a request
is under way.

The walls are meant for strings that a model wrote. Where the kernel has them, they are its own: Landlock
leaves files to read below the packages and to write below the scratch folder, and the process has a network
of its own with nothing in it. Before them stands an audit hook that refuses processes, sockets, foreign
libraries and files elsewhere; alone, it is no defence against a program made to break out of Python.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import resource
import sys
import threading
import time
from typing import Any

REFUSED = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "os.spawn",
    "os.kill",
    "os.killpg",
    "os.putenv",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "pty.spawn",
    "subprocess.Popen",
    "signal.pthread_kill",
    "ctypes.dlopen",
    "ctypes.dlsym",
    "ctypes.cdata",
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.sendto",
    "socket.gethostbyname",
    "urllib.Request",
    "ftplib.connect",
    "smtplib.connect",
    "resource.setrlimit",
    "sqlite3.connect",
    "sqlite3.connect/handle",
    "os.mkfifo",
    "os.mknod",
    "mmap.__new__",
)
#: modules that open files without an event
FOREIGN = ("readline", "_sqlite3", "sqlite3", "_dbm", "_gdbm", "dbm", "_posixshmem")
PATHS = (
    "open",
    "os.listdir",
    "os.scandir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.truncate",
    "shutil.rmtree",
    "shutil.move",
    "shutil.copyfile",
)
NEWNET, NEWUSER = 0x40000000, 0x10000000
# Landlock's system calls and rights to files, as in the kernel's linux/landlock.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, NO_NEW_PRIVILEGES = 444, 445, 446, 38
READING = 0b1100  # read a file, list a folder
#: what compiled code may still read: libraries, such as C's own for threads, and this process's own state
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/proc/self")
#: every right that a version of Landlock knows: 13 in the first, then moves, truncation, device control
RIGHTS = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)


def limit(memory: int) -> None:
    """Address space, size of files, no core dumps, no network."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        unshare = ctypes.CDLL(None).unshare
        if unshare(NEWNET) != 0:
            unshare(NEWUSER | NEWNET)
    except (OSError, AttributeError):  # another kernel: the audit hook remains
        pass


def landlock(readable: list[str], scratch: str) -> bool:
    """Has the kernel refuse every file that isn't below these folders, for good; whether it can. Nothing is
    executed any more, and only scratch is written to."""
    if sys.platform != "linux":  # where the same numbers call for something else
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    call = libc.syscall
    version = call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        return False
    rights = ctypes.c_uint64(RIGHTS[min(version, len(RIGHTS) - 1)])
    rules = call(CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(8), ctypes.c_uint(0))
    if rules < 0:
        return False
    for path, allowed in [*((each, READING) for each in readable), (scratch, rights.value & ~1)]:
        try:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not every system has it
        rule = (ctypes.c_uint32 * 3)(allowed & 0xFFFFFFFF, allowed >> 32, folder)  # packed: u64, s32
        call(ADD_RULE, rules, ctypes.c_uint(1), ctypes.byref(rule), ctypes.c_uint(0))
        os.close(folder)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    restricted = call(RESTRICT_SELF, rules, ctypes.c_uint(0)) == 0
    os.close(rules)
    return bool(restricted)


def wall(readable: list[str], scratch: str) -> None:
    """From now on what leads out of this process is refused."""
    inside = [os.path.realpath(path) + os.sep for path in (scratch, "/tmp/.none")]
    allowed = [os.path.realpath(path) + os.sep for path in readable] + inside
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in REFUSED:
            raise PermissionError(f"{event} is not allowed here")
        if event == "import" and arguments[0] in FOREIGN:
            raise ImportError(f"{arguments[0]} is not allowed here")
        if event in PATHS and arguments and isinstance(arguments[0], str | bytes | os.PathLike):
            named = os.fsdecode(arguments[0])
            if not os.path.isabs(named) and ".." in named.split(os.sep):
                raise PermissionError(f"{event} is not allowed here")  # it may start at another folder
            path = os.path.realpath(named) + os.sep
            flags = arguments[2] if event == "open" and isinstance(arguments[2], int) else 0
            changes = event not in ("open", "os.listdir", "os.scandir") or flags & writing
            if not path.startswith(tuple(inside if changes else allowed)):
                raise PermissionError(f"{event} is not allowed here")

    sys.addaudithook(hook)


def leave_with(parent: int) -> None:
    """Ends this process soon after the one that started it, which may be killed while we compute."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    settings = json.loads(sys.argv[1])
    leave_with(settings["parent"])
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what the packages print goes nowhere
        os.dup2(null, stream)

    def answer(value: dict[str, Any]) -> None:
        sink.write(json.dumps(value).encode("ascii") + b"\n")
        sink.flush()

    def outside(what: str, **fields: Any) -> Any:
        answer({"wants": {"what": what, **fields}})
        brought = json.loads(source.readline())
        if "error" in brought:
            raise OSError(brought["error"])
        return brought["value"]

    try:
        limit(settings["memory"])
        sys.path[:0] = [path for path in [settings["packages"]] if path]
        spec = importlib.util.spec_from_file_location("script", settings["script"])
        assert spec is not None and spec.loader is not None
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        vars(script)["outside"] = outside
        readable = [
            sys.prefix,
            sys.base_prefix,
            settings["packages"] or settings["scratch"],
            os.path.dirname(settings["script"]),
            "/usr/share/zoneinfo",
        ]
        time.localtime()  # reads the time zone, which can't be read later
        try:
            landlock([*readable, *LIBRARIES], settings["scratch"])
        except (OSError, AttributeError):  # another kernel: the audit hook remains
            pass
        wall(readable, settings["scratch"])
    except BaseException as error:
        answer({"error": f"the worker can't start: {type(error).__name__}: {error}"})
        return
    answer({"value": None})
    for line in source:
        try:
            answer({"value": script.handle(json.loads(line))})
        except MemoryError:
            return
        except BaseException as error:  # a string of the model's may even raise SystemExit
            answer({"error": f"{type(error).__name__}: {error}"[:2000]})


if __name__ == "__main__":
    main()
