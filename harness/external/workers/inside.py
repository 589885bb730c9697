"""What runs in a worker: limits, then the script, then one answer a request. Imports no harness.

A script that wants something from outside calls `outside(what, **fields)`, which is put among its globals:
the process that made the request serves it, or it raises. One thread at a time may call it, while a request
is under way.

The channel on which requests come and answers go belongs to a thread of its own, with open files of its own
(Linux): the script, and strings of a model's that it evaluates, have no file that leads there. Answers get
from one to the other as the values of functions, and by no name that a frame, a module or a closure holds.

The walls (see `walls`) are meant for strings that a model wrote.
"""

from __future__ import annotations

import _thread
import ctypes
import importlib.util
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import ModuleType
from typing import Any

OWN_FILES = 0x400  # CLONE_FILES of linux/sched.h


def loaded(name: str, path: str) -> ModuleType:
    """A module from a file, by no search."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def leave_with(parent: int) -> None:
    """Ends this process soon after the one that started it, which may be killed while we compute."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def speak(
    channel: int,
    ready: Callable[[bool], None],
    requests: Callable[[bytes], None],
    turn: Callable[[], None],
    answers: SimpleQueue[Any],
    wants: SimpleQueue[Any],
    brought: Callable[[bytes], None],
) -> None:
    """Holds the channel: writes that the script is there, then for every request what it wants and what it
    answers. Only texts come to this thread, so that nothing of the script's runs in it.

    Args:
        channel: the open socket.
        ready: is told whether this thread has it for itself.
        turn: returns whenever there is an answer or a wish.
    """
    read, write, leave, kind, text = os.read, os.write, os._exit, type, str
    try:
        ready(ctypes.CDLL(None).unshare(OWN_FILES) == 0)
    except (OSError, AttributeError):  # another kernel
        ready(False)
    rest = b""
    while True:
        turn()
        asked = not wants.empty()
        if not asked and answers.empty():
            continue
        said = (wants if asked else answers).get()
        if kind(said) is not text or (asked and ("\n" in said or not said.startswith('{"wants": {'))):
            leave(1)  # out of memory, or no wish
        left = said.encode("ascii") + b"\n"
        while left:
            left = left[write(channel, left) :]
        while b"\n" not in rest:
            part = read(channel, 1 << 20)
            if not part:
                leave(0)
            rest += part
        line, _, rest = rest.partition(b"\n")
        (brought if asked else requests)(line)


def main() -> Iterator[Any]:
    """Serves as far as what this gives is taken."""
    settings = json.loads(sys.argv[1])
    leave_with(settings["parent"])
    channel, null = os.dup(0), os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what the packages print goes nowhere
        os.dup2(null, stream)
    requests, answers, wants, brought, bell, ready = (SimpleQueue[Any]() for _ in range(6))
    thread = (channel, ready.put, requests.put, bell.get, answers, wants, brought.put)
    _thread.start_new_thread(speak, thread)
    if ready.get():
        os.close(channel)
    encode, decode = encoder(), json.loads
    wish, ring, fetch = wants.put, bell.put, brought.get

    def outside(what: str, **fields: Any) -> Any:
        wish(encode({"wants": {"what": what, **fields}}))
        ring(None)
        found = decode(fetch())
        if "error" in found:
            raise OSError(found["error"])
        return found["value"]

    def answer(line: bytes) -> str | None:
        try:
            return encode({"value": handle(decode(line))})
        except MemoryError:
            return None
        except BaseException as error:  # a string of the model's may even raise SystemExit
            broken = isinstance(error, OSError | ImportError | MemoryError)
            return encode({"error": f"{type(error).__name__}: {error}"[:2000], "broken": broken})

    try:
        handle = _script(settings, outside)
        answers.put(encode({"value": None}))
    except BaseException as error:
        answers.put(encode({"error": f"the worker can't start: {type(error).__name__}: {error}"}))
    ring(None)
    return map(ring, map(answers.put, map(answer, iter(requests.get, None))))


def encoder() -> Callable[[Any], str]:
    """JSON by the interpreter's own encoder, no part of which can be given another meaning."""

    def none(value: Any) -> Any:
        raise TypeError(f"a value of type {type(value).__name__} can't be answered")

    made: Any = json.encoder
    if made.c_make_encoder is None:
        return json.dumps
    parts = made.c_make_encoder(
        None, none, made.encode_basestring_ascii, None, ": ", ", ", False, False, True
    )
    return lambda value: "".join(parts(value, 0))


def _script(settings: dict[str, Any], outside: Callable[..., Any]) -> Callable[[Any], Any]:
    """The script's function, behind the walls.

    Raises:
        BaseException: whatever loading it raised.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    walls, seccomp = (loaded(name, os.path.join(here, f"{name}.py")) for name in ("walls", "seccomp"))
    walls.limit(settings["memory"])
    sys.path[:0] = [path for path in [settings["packages"]] if path]
    script = loaded("script", settings["script"])
    vars(script)["outside"] = outside
    settle()
    readable = [
        sys.prefix,
        sys.base_prefix,
        settings["packages"] or settings["scratch"],
        os.path.dirname(settings["script"]),
        "/usr/share/zoneinfo",
    ]
    time.localtime()  # reads the time zone, which can't be read later
    walls.no_fork_exec()
    try:
        walls.landlock([*readable, *walls.LIBRARIES], settings["scratch"])
        seccomp.no_processes()
    except (OSError, AttributeError):  # another kernel: the audit hook remains
        pass
    walls.hook(readable, settings["scratch"])
    return script.handle  # type: ignore[no-any-return]


def settle() -> None:
    """Has functions that networkx would give other code at their first call, which the walls refuse, get it
    now."""
    if "networkx" not in sys.modules:
        return
    argmap = sys.modules["networkx.utils.decorators"].argmap
    not_yet = argmap(lambda value: value)(lambda value: value).__code__
    for found in list(vars(sys.modules["networkx"]).values()):
        for function in (found, *(getattr(found, name, None) for name in ("orig_func", "__new__"))):
            if getattr(function, "__code__", None) is not_yet:
                argmap._lazy_compile(function)


if __name__ == "__main__":
    deque(main(), maxlen=0)
