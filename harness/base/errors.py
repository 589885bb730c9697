"""What can go wrong, each with one clear line. The exit code of the command line hangs on the type."""

from __future__ import annotations

import os
from collections.abc import Iterable

from harness.base.secrets import without_secret_values
from harness.base.terminal import one_line


class HarnessError(Exception):
    """A mistake with a known cure. The message is one line that names both, shows what it quotes of others as
    a terminal may print it, and holds no secret."""

    exit_code = 2

    def __str__(self) -> str:
        return one_line(without_secret_values(super().__str__()))


class UsageError(HarnessError):
    """The command, its arguments or its configuration can't be carried out as written."""


class PluginError(HarnessError):
    """A plugin breaks the contract. The message names the plugin's distribution."""


class DataError(HarnessError):
    """A data set can't be reached or doesn't have the declared shape."""


class AccessError(HarnessError):
    """A method reached for data that it didn't declare."""


class RecordError(HarnessError):
    """A stored run can't be trusted, read or written."""


class ModelCallError(HarnessError):
    """A call to a model failed for good; the attempt it served gets the status `error`."""

    exit_code = 1


class NotKept(ModelCallError):
    """--offline is set and the cache doesn't hold the completion: nothing is known of what the model says."""


#: the statuses of attempts for which a server gave no completion, and told a reason that stays
DECLINED = ("refused", "filtered", "context_overflow")


class Declined(ModelCallError):
    """There is no completion for this prompt, for a reason that stays: the attempt gets `status`, one of
    `DECLINED`: `refused` (the model declined), `filtered` (a filter of the server held prompt or answer
    back) or `context_overflow` (prompt and completion don't fit the model's context)."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class ModelStopped(UsageError):
    """No call to a model can succeed until somebody mends something: a key, a name, an account."""


class ServerSilent(HarnessError):
    """A server has done nothing but fail for a minute. The cell ends; the same command goes on with it."""

    exit_code = 1


class GraderDown(HarnessError):
    """The grader broke down at too many attempts. The cell ends; the same command scores them again."""

    exit_code = 1


class WorldDown(HarnessError):
    """The world broke down at too many attempts. The cell ends; the same command plays them again."""

    exit_code = 1


class BudgetSpent(HarnessError):
    """A limit of the run is reached. The run ends cleanly with what it has."""

    exit_code = 3


class CacheFailed(HarnessError):
    """What is paid for can't be kept, or what is kept can't be read. No further attempt is begun; those under
    way are finished from memory, as they are paid for."""


class HarnessWarning(UserWarning):
    """A part of what was asked for could not be done; the message says which, and why."""


class UserFailed(Exception):
    """The simulated user gave no usable turn: the episode can't be judged; the agent didn't fail."""


class JudgeFailed(Exception):
    """A judge that a world asks gave no verdict: the episode can't be judged; the agent didn't fail."""


class GraderFailed(Exception):
    """The grader itself broke down: its process, its package or a file. Nothing is known of the answer."""


class WorldFailed(Exception):
    """The world itself failed: the attempt is an error; the agent didn't fail."""


class WorldBroken(WorldFailed):
    """The world broke down, whatever the agent did: its process can't start, or a file or module is gone."""


class Escape(Exception):
    """What code of a plugin raised that would end more than its own attempt (`__cause__`): `sys.exit()`, a
    KeyboardInterrupt without Ctrl-C, a cancellation that nobody asked for."""


def original(error: BaseException) -> BaseException:
    """What code of a plugin raised, also where an `Escape` tells of it."""
    return error.__cause__ if isinstance(error, Escape) and error.__cause__ is not None else error


def reason_of(error: BaseException) -> str:
    """The first line of what an exception says; its type where it says nothing."""
    return (_text(error).splitlines() or [type(error).__name__])[0]


def typed_reason(error: BaseException) -> str:
    """What an exception of code of others says, in one line: its type and its text, or what was called to end
    the process."""
    error = original(error)
    name, text = type(error).__name__, _text(error)
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, str | int) else type(error.code).__name__
        return f"it called sys.exit({'' if error.code is None else repr(code)})"
    if isinstance(error, Exception):
        return f"{name}: {' '.join(text.split())[:300] or 'no message'}"
    return ": ".join([f"it raised {name}", *text.splitlines()[:1]])


def placed_reason(error: BaseException, folder: str = "") -> str:
    """The same after its place in code of others, where that is known: ` at FILE:LINE: TYPE: TEXT`, as the
    end of a sentence.

    Args:
        folder: where the code lies that is to be named, if that is known. A call of the harness's or of a
            library's that went wrong is named by the line that made it.
    """
    import traceback

    frames = [
        (_nearness(frame.filename, folder), frame)
        for frame in traceback.extract_tb(original(error).__traceback__)
    ]
    nearest = max((near for near, _ in frames), default=0)
    if not nearest:
        return f": {typed_reason(error)}"
    last = [frame for near, frame in frames if near == nearest][-1]
    return f" at {os.path.basename(last.filename)}:{last.lineno}: {typed_reason(error)}"


def _nearness(file: str, folder: str) -> int:
    """How near a file is to the code that is to be named: 4 in its folder, 3 anybody's, 2 a library's, 1 the
    harness's, 0 one of Python's own modules."""
    if _of_python(file):
        return 0
    if file.startswith(_HARNESS):
        return 1
    inside = folder.rstrip(os.sep) + os.sep
    if folder and file.startswith(inside) and _PACKAGES not in file[len(inside) :]:
        return 4
    return 2 if _PACKAGES in file else 3


#: the folder of the harness, and how that of installed packages is called
_HARNESS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_PACKAGES = "site-packages"


def _of_python(file: str) -> bool:
    """Whether a file is one of Python's own modules."""
    own = file.startswith(os.path.dirname(os.__file__) + os.sep) and _PACKAGES not in file
    return own or file.startswith("<frozen ")


def _text(error: BaseException) -> str:
    """An exception's text; empty where it has none, or can't even be asked."""
    try:
        return str(error).strip()
    except Exception:
        return ""


def nearest(name: str, choices: Iterable[str], noun: str = "name") -> str:
    """The half sentence that follows 'unknown X': the closest valid names, or where to look."""
    import difflib  # only a mistake pays for it

    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if not close:
        close = [choice for choice in known if name and name in choice][:3]
    if close:
        return "did you mean " + " or ".join(repr(choice) for choice in close) + "?"
    if 0 < len(known) <= 12:
        return f"valid {noun}s: " + ", ".join(known)
    return f"'harness {'results list' if noun == 'run' else 'list'}' shows every {noun}"


def unknown_key(name: str, keys: Iterable[str]) -> str:
    """`unknown key 'taks'; did you mean 'task'? keys: ...`, for files of settings."""
    import difflib

    known = list(keys)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown key {name!r}; {guess}keys: {', '.join(known)}"
