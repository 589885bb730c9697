"""What a worker is kept from: limits, files elsewhere, processes, sockets. Imports no harness.

Where the kernel has them (Linux), the walls are its own: Landlock leaves files to read below the packages and
to write below the scratch folder, seccomp refuses processes (see `seccomp`), and the process has a network of
its own with nothing in it. Before them stands an audit hook that refuses the same with a sentence, and
Python's ways into what runs beside: alone, it is no defence against a program made to break out of Python.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import resource
import stat
import sys
from collections.abc import Sequence
from typing import Any

#: open files, threads
FILES, THREADS = 512, 256
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
    "ctypes.cdata/buffer",
    "ctypes.call_function",
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.sendto",
    "socket.gethostbyname",
    "urllib.Request",
    "ftplib.connect",
    "smtplib.connect",
    "resource.setrlimit",
    "resource.prlimit",
    "sqlite3.connect",
    "sqlite3.connect/handle",
    "os.mkfifo",
    "os.mknod",
    "mmap.__new__",
    # ways to what other threads hold
    "gc.get_objects",
    "gc.get_referrers",
    "gc.get_referents",
    "sys._current_frames",
    "sys._current_exceptions",
    "sys.settrace",
    "sys.setprofile",
    "cpython.run_interactivehook",
)
#: modules that open files or start processes without an event
FOREIGN = (
    "readline",
    "_sqlite3",
    "sqlite3",
    "_dbm",
    "_gdbm",
    "dbm",
    "_posixshmem",
    "_posixsubprocess",
    "_xxsubinterpreters",
    "_interpreters",
    "_testcapi",
    "_testinternalcapi",
)
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
READING, READING_A_FILE, LISTING = 0b1100, 0b100, 0b1000  # read a file, list a folder
#: what nobody needs below a scratch folder: to execute, and to make devices, which lead to whole disks
NOT_IN_SCRATCH = 1 << 0 | 1 << 6 | 1 << 11
#: what compiled code may still read: libraries, such as C's own for threads, and this process's own state
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/proc/self")
#: every right that a version of Landlock knows: 13 in the first, then moves, truncation, device control
RIGHTS = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)


def limit(memory: int) -> None:
    """Address space, open files and their size, no core dumps, no network."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = FILES if hard < 0 else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        unshare = ctypes.CDLL(None).unshare
        if unshare(NEWNET) != 0:
            unshare(NEWUSER | NEWNET)
    except (OSError, AttributeError):  # another kernel: the audit hook remains
        pass


def landlock_version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    if sys.platform != "linux":  # where the same numbers call for something else
        return 0
    found = ctypes.CDLL(None).syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    return max(0, int(found))


def landlock(readable: list[str], scratch: str, listed: Sequence[str] = ()) -> bool:
    """Has the kernel refuse every file that isn't below these folders, or among these files, for good;
    whether it can. Nothing is executed any more, only scratch is written to, and of what is `listed` names
    can be had."""
    version = landlock_version()
    if version < 1:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    call = libc.syscall
    rights = ctypes.c_uint64(RIGHTS[min(version, len(RIGHTS) - 1)])
    rules = call(CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(8), ctypes.c_uint(0))
    if rules < 0:
        return False
    writing = rights.value & ~NOT_IN_SCRATCH
    names = [(each, LISTING) for each in listed]
    for path, allowed in [*((each, READING) for each in readable), *names, (scratch, writing)]:
        try:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not every system has it
        if path != scratch and not stat.S_ISDIR(os.fstat(folder).st_mode):
            allowed = READING_A_FILE
        rule = (ctypes.c_uint32 * 3)(allowed & 0xFFFFFFFF, allowed >> 32, folder)  # packed: u64, s32
        call(ADD_RULE, rules, ctypes.c_uint(1), ctypes.byref(rule), ctypes.c_uint(0))
        os.close(folder)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    restricted = call(RESTRICT_SELF, rules, ctypes.c_uint(0)) == 0
    os.close(rules)
    return bool(restricted)


def no_fork_exec() -> None:
    """Takes the function that starts processes without an event from the modules that have it."""
    import _posixsubprocess
    import subprocess

    def refused(*_: Any) -> None:
        raise PermissionError("fork_exec is not allowed here")

    vars(_posixsubprocess)["fork_exec"] = refused
    for name in ("_fork_exec", "_posixsubprocess"):  # by version of Python
        if hasattr(subprocess, name):
            setattr(subprocess, name, refused if name == "_fork_exec" else _posixsubprocess)


def hook(readable: list[str], scratch: str) -> None:
    """From now on Python refuses what leads out of this process. What the hook needs is bound here: names of
    modules can be given other values by what it stands before."""
    inside = tuple(os.path.realpath(path) + os.sep for path in (scratch, "/tmp/.none"))
    allowed = (*(os.path.realpath(path) + os.sep for path in readable), *inside)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    refused, foreign, paths = frozenset(REFUSED), frozenset(FOREIGN), frozenset(PATHS)
    fsdecode, isabs, realpath, sep, is_a, threads = (
        os.fsdecode,
        os.path.isabs,
        os.path.realpath,
        os.sep,
        isinstance,
        _thread._count,
    )
    kinds, most, error = (str, bytes, os.PathLike), THREADS, PermissionError

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in refused:
            raise error(f"{event} is not allowed here")
        if event == "import" and arguments[0] in foreign:
            raise error(f"{arguments[0]} is not allowed here")
        if event == "_thread.start_new_thread" and threads() >= most:
            raise error(f"more than {most} threads are not allowed here")
        if event == "object.__setattr__" and arguments[1] == "__code__":
            raise error("other code for a function is not allowed here")
        if event in paths and arguments and is_a(arguments[0], kinds):
            named = fsdecode(arguments[0])
            if not isabs(named) and ".." in named.split(sep):
                raise error(f"{event} is not allowed here")  # it may start at another folder
            path = realpath(named) + sep
            flags = arguments[2] if event == "open" and is_a(arguments[2], int) else 0
            changes = event not in ("open", "os.listdir", "os.scandir") or flags & writing
            if not path.startswith(inside if changes else allowed):
                raise error(f"{event} is not allowed here")

    sys.addaudithook(refuse)
