"""Python processes that have the harness imported when they start: each is forked from one that did.

A test that drives the command pays for what the command does, not for the seconds that its imports take. What
is forked has arguments, environment, folder, output, signals and an end of its own, as any process has. What
start itself is must be seen in a process of `subprocess`: what is imported when, hash seeds, installations.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from importlib import import_module

#: what commands import when they are called; none of it starts a thread, reads a setting or keeps state
IMPORTED = (
    *("harness.api", "harness.run.execute", "harness.run.cell", "harness.leaderboard.cli", "harness.testing"),
    *(
        f"harness.cli.{name}"
        for name in ("eval", "score", "sweep", "compare", "check", "baseline", "results")
    ),
    *("inspect_ai.model", "pandas", "pyarrow.parquet", "scipy.stats", "openai", "jinja2"),
)


class Warm:
    """Starts them with what would follow `python`: a script, `-c` or `-m`, and its arguments."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self._control = ours
        self._server = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],  # else tests/harness is harness
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the tests
        )
        theirs.close()

    def start(self, arguments, cwd, env, stdout=None):
        """A process; `stdout` may be a descriptor to write to, else it is kept and `communicate` tells it."""
        return Process(self._control, [str(each) for each in arguments], str(cwd), env, stdout)

    def run(self, arguments, cwd, env, stdout=None, timeout=240):
        """As `subprocess.run` with text: what it printed and how it ended, once it ended."""
        process = self.start(arguments, cwd, env, stdout)
        printed = process.communicate(timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, *printed)

    def close(self):
        self._control.shutdown(socket.SHUT_RDWR)  # for every copy that a fork of the tests may still hold
        self._control.close()
        self._server.wait(10)


class Process:
    """As `subprocess.Popen`, with text."""

    def __init__(self, control, arguments, cwd, env, stdout):
        self.returncode = None
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self._keeper, theirs = socket.socketpair()
        out = self._out.fileno() if stdout is None else stdout
        socket.send_fds(control, [b"+"], [theirs.fileno(), out, self._err.fileno()])
        theirs.close()
        self._told = self._keeper.makefile("rw")
        print(json.dumps([arguments, cwd, {k: str(v) for k, v in env.items()}]), file=self._told, flush=True)
        self.pid = int(self._told.readline())

    def poll(self):
        self._keeper.settimeout(0)
        try:
            over = self._keeper.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        finally:
            self._keeper.settimeout(None)
        assert over, "nobody keeps the process"
        return self.wait()

    def wait(self, timeout=None):
        if self.returncode is None:
            self._keeper.settimeout(timeout)
            try:
                self.returncode = int(self._told.readline())
            except TimeoutError:
                self.kill()
                raise
        return self.returncode

    def communicate(self, timeout=None):
        self.wait(timeout)
        self._out.seek(0), self._err.seek(0)
        return self._out.read().decode(), self._err.read().decode()

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def serve(control):
    """Forks a keeper for each request, until the tests leave; returns in the process that was asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are nobody's to wait for
    while True:
        word, found, *_ = socket.recv_fds(control, 1, 3)
        if not word:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            return keep(*found)
        for each in found:
            os.close(each)


def keep(told, out, err):
    """Forks the process and tells its id and how it ended; returns in the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=told) as connection, connection.makefile("rw") as lines:
        asked = json.loads(lines.readline())
        process = os.fork()
        if process:
            print(process, file=lines, flush=True)
            _, status = os.waitpid(process, 0)
            print(os.waitstatus_to_exitcode(status), file=lines, flush=True)
            os._exit(0)
    os.dup2(out, 1), os.dup2(err, 2)
    os.close(out), os.close(err)
    return asked


def become(arguments, cwd, env, path):
    """Goes on as `python *arguments` would in that folder and environment."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    first, *rest = arguments
    script = first not in ("-c", "-m")
    sys.argv = arguments if script else [first, *rest[1:]]
    sys.path[:] = [os.path.dirname(os.path.abspath(first)) if script else ""]
    sys.path += [*filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *path]
    if first == "-m":
        sys.argv[0] = rest[0]
        return runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    main = types.ModuleType("__main__")
    main.__builtins__ = __builtins__
    if script:
        main.__file__ = first
        with open(first) as file:
            text = file.read()
    sys.modules["__main__"] = main
    exec(compile(text if script else rest[0], first if script else "<string>", "exec"), main.__dict__)


def end(main, *arguments):
    """Calls main, then ends as Python does, but for taking thousands of modules apart."""
    code = 0
    try:
        main(*arguments)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if not isinstance(stop.code, int | None):
            print(stop.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    given = {each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each}
    for name in IMPORTED:
        import_module(name)
    assert threading.active_count() == 1, "threads do not live on in a fork"
    places = [place for place in sys.path[1:] if place not in given]
    gc.freeze()
    end(become, *serve(socket.socket(fileno=int(sys.argv[1]))), places)
