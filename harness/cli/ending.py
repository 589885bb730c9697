"""The end of a command, which code of plugins may not put off or change."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from harness.base.errors import placed_reason
from harness.base.terminal import tell

#: seconds for which the end of a process waits for threads
PATIENCE = 5.0
_ROOT = Path(__file__).parents[2]


def of_the_command(stop: SystemExit) -> bool:
    """Whether the harness itself ends the process, rather than code of a plugin."""
    frame = stop.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is None or Path(frame.tb_frame.f_code.co_filename).is_relative_to(_ROOT / "harness")


def say_whose(stop: SystemExit) -> None:
    """The line of a process that code of a plugin would have ended as it likes."""
    tell(f"error: code of a plugin failed{placed_reason(stop)}")


def end_in_time(code: int) -> None:
    """Has the process end with this code although threads of plugins go on: Python would wait for them."""
    if _left():
        over = threading.Event()
        threading._register_atexit(over.set)  # type: ignore[attr-defined]  # before Python waits for threads
        threading.Thread(target=_end, args=(code, over), daemon=True, name="harness-end").start()


def _left() -> list[str]:
    """The names of threads for which Python waits at its end."""
    main = threading.main_thread()
    return [each.name for each in threading.enumerate() if not each.daemon and each is not main]


def _end(code: int, over: threading.Event) -> None:
    over.wait()
    time.sleep(PATIENCE)
    left = _left()
    tell(f"warning: ended with {len(left)} threads that code of a plugin left running: {', '.join(left)}")
    with suppress(BaseException):
        atexit._run_exitfuncs()
    os._exit(code)
