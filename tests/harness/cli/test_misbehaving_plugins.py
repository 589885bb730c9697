"""What code of plugins may do to its process, the one line that says so, and how the command ends."""

import asyncio
import json
import locale
import logging
import os
import signal
import socket
import sys
import threading
import warnings

import pytest

import harness
from harness.base.errors import HarnessWarning

METHOD = """import asyncio, io, locale, logging, os, signal, socket, sys, threading, warnings, harness

{top}
class Odd(harness.Method):
    "Misbehaves."
{body}
"""
ANSWER = """    async def answer(self, question, job):
        {}
        return job.outcome(question, await one(job, question))"""
TOP = "async def one(job, question):\n    return await job.model.generate(question, job.ask(question))\n"
BAD_TASK = """import os, signal, sys
import harness
class Odd(harness.Task):
    "Misbehaves."
    def load(self, data):
        {load}
        return harness.Splits(test=[harness.Sample(harness.Question(str(n), "?"), "1") for n in range(2)])
    {more}
"""
RUN = ("--model", "echo/1+1", "--limit", "2", "--json")


def method(body, top=TOP):
    return METHOD.format(top=top, body=body)


def answer(line, top=TOP):
    return method(ANSWER.format(line), top)


def task(load="pass", more=""):
    return BAD_TASK.format(load=load, more=more)


WHERE = "error: countdown x odd x echo/1+1: "
#: code, the line that is said, exit code
ENDS = {
    # at import
    "import exits with 0": (
        "import sys\nsys.exit(0)",
        "error: odd.py:2: it called sys.exit(0) (while odd.py",
        2,
    ),
    "import exits with 3": ("raise SystemExit(3)", "error: odd.py:1: it called sys.exit(3) (while", 2),
    "import exits with a text": ("exit('bye')", "error: odd.py:1: it called sys.exit('bye')", 2),
    "import raises KeyboardInterrupt": (
        "raise KeyboardInterrupt",
        "odd.py:1: it raised KeyboardInterrupt",
        2,
    ),
    "import raises GeneratorExit": ("\nraise GeneratorExit", "error: odd.py:2: it raised GeneratorExit", 2),
    "import raises its own kind": (
        "class Stop(BaseException): pass\nraise Stop('now')",
        "error: odd.py:2: it raised Stop: now (while odd.py was imported)",
        2,
    ),
    "import recurses": ("def f(): f()\nf()", "error: odd.py:1: RecursionError: maximum recursion depth", 2),
    "two classes in one file": (
        method("    pass") + "class Even(harness.Method): pass",
        "error: odd.py holds 2 methods: Odd, Even; name one, as in odd.py:Odd",
        2,
    ),
    "no class in the file": (
        "x = 1",
        "error: odd.py holds no method; a subclass of harness.Method is one",
        2,
    ),
    # a class and its objects
    "a default that exits": (
        method(
            "    @__import__('dataclasses').dataclass\n    class Params:\n"
            "        x: list = __import__('dataclasses').field(default_factory=lambda: sys.exit(0))\n"
            + ANSWER.format("pass")
        ),
        "error: harness_file_odd_",
        2,
    ),
    "construction exits": (
        method("    def __init__(self, n: int = 1): sys.exit(3)\n" + ANSWER.format("pass")),
        WHERE + "'odd': odd.py:Odd can't be made: it called sys.exit(3)",
        1,
    ),
    "construction interrupts": (
        method("    def __init__(self, n: int = 1): raise KeyboardInterrupt\n" + ANSWER.format("pass")),
        WHERE + "'odd': odd.py:Odd can't be made: it raised KeyboardInterrupt",
        1,
    ),
    "no answer": (method("    pass"), WHERE + "'odd': odd.py:Odd doesn't define answer()", 1),
    # steps before the first answer
    "drawing exits": (
        method("    def drawing(self): sys.exit(0)\n" + ANSWER.format("pass")),
        WHERE + "drawing of 'odd' failed at odd.py:8: it called sys.exit(0)",
        1,
    ),
    "announce ends a generator": (
        method("    def announce(self, job): raise GeneratorExit\n" + ANSWER.format("pass")),
        WHERE + "announce of 'odd' failed at odd.py:8: it raised GeneratorExit",
        1,
    ),
    "fit exits with 3": (
        method("    async def fit(self, job): sys.exit(3)\n" + ANSWER.format("pass")),
        WHERE + "fit of 'odd' failed at odd.py:8: it called sys.exit(3)",
        1,
    ),
    "fit cancels": (
        method("    async def fit(self, job): raise asyncio.CancelledError\n" + ANSWER.format("pass")),
        WHERE + "fit of 'odd' failed at odd.py:8: it raised CancelledError",
        1,
    ),
    # answers
    "answer exits with 0": (
        answer("sys.exit()"),
        WHERE + "answer of 'odd' failed at odd.py:9: it called sys",
        1,
    ),
    "answer exits with 3": (
        answer("sys.exit(3)"),
        WHERE + "answer of 'odd' failed at odd.py:9: it called sys",
        1,
    ),
    "answer interrupts": (
        answer("raise KeyboardInterrupt"),
        WHERE + "answer of 'odd' failed at odd.py:9: it raised KeyboardInterrupt",
        1,
    ),
    "answer cancels itself": (
        answer("raise asyncio.CancelledError"),
        WHERE + "answer of 'odd' failed at odd.py:9: it raised CancelledError",
        1,
    ),
    "answer ends a generator": (
        answer("raise GeneratorExit"),
        WHERE + "answer of 'odd' failed at odd.py:9: it raised GeneratorExit",
        1,
    ),
    "answer cancels every task": (
        answer("[each.cancel() for each in asyncio.all_tasks()]"),
        WHERE + "answer of 'odd' failed at",
        1,
    ),
    "answer exits in a task that it waits for": (
        answer("await asyncio.gather(leave())", TOP + "async def leave(): sys.exit(3)"),
        WHERE + "answer of 'odd' failed at odd.py:5: it called sys.exit(3)",
        1,
    ),
    "answer exits in a task that nobody waits for": (
        answer("self.t = asyncio.create_task(leave())", TOP + "async def leave(): sys.exit(0)"),
        WHERE + "answer of 'odd' failed at odd.py:5: it called sys.exit(0)",
        1,
    ),
    "answer exits in a callback": (
        answer("asyncio.get_running_loop().call_soon(lambda: sys.exit(0)); await asyncio.sleep(0.01)"),
        WHERE + "answer of 'odd' failed at odd.py:9: it called sys.exit(0)",
        1,
    ),
    "answer asks about nothing": (
        answer("await job.model.generate(None, job.ask(question))"),
        WHERE + "answer of 'odd' failed at odd.py:9: AttributeError: ",
        1,
    ),
    "answer asks with a text": (
        answer("await job.model.generate(question, 'what is it?')"),
        WHERE + "answer of 'odd' failed at odd.py:9: AttributeError: ",
        1,
    ),
    "answer asks in a function of its own": (
        answer("await ask(job)", TOP + "async def ask(job): await job.model.generate(None, [])"),
        WHERE + "answer of 'odd' failed at odd.py:5: AttributeError: ",
        1,
    ),
    "answer sets what is no number": (
        answer("await job.model.generate(question, job.ask(question), temperature=float('nan'))"),
        WHERE + "answer of 'odd' failed at odd.py:9: ValueError: ",
        1,
    ),
    "answer parses nothing": (
        answer("job.parse(None, question)"),
        WHERE + "answer of 'odd' failed at odd.py:9: TypeError: job.parse takes a text, not None",
        1,
    ),
    "answer asks the task about a text": (
        answer("job.ask(question.input)"),
        WHERE + "answer of 'odd' failed at odd.py:9: TypeError: job.ask takes a question, not ",
        1,
    ),
    "answer computes with a library": (
        answer("__import__('numpy').linalg.inv([[1, 1], [1, 1]])"),
        WHERE + "answer of 'odd' failed at odd.py:9: LinAlgError: ",
        1,
    ),
    "answer exits in a worker thread": (
        answer("await asyncio.to_thread(lambda: sys.exit(3))"),
        WHERE + "answer of 'odd' failed at odd.py:9: it called sys.exit(3)",
        1,
    ),
    "answer exits in a thread of its own": (
        answer("t = threading.Thread(target=lambda: sys.exit(3)); t.start(); t.join()"),
        WHERE + "answer of 'odd' failed at odd.py:9: it called sys.exit(3)",
        1,
    ),
    "answer runs a loop of its own": (
        answer("asyncio.run(asyncio.sleep(0))"),
        WHERE + "answer of 'odd' failed at odd.py:9: RuntimeError: asyncio.run() cannot be called",
        1,
    ),
    "answer raises what has no text": (
        answer("raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})"),
        WHERE + "answer of 'odd' failed at odd.py:9: E: no message",
        1,
    ),
    "answer raises what exits when it is shown": (
        answer("raise type('E', (Exception,), {'__str__': lambda self: sys.exit(0)})"),
        "it called sys.exit(0)",
        1,
    ),
    "answer makes errors of warnings": (
        answer("warnings.simplefilter('error'); warnings.warn('mine')"),
        WHERE + "answer of 'odd' failed at odd.py:9: UserWarning: mine",
        1,
    ),
    "answer_all exits between answers": (
        method(
            "    async def answer_all(self, questions, job):\n"
            "        for question in questions:\n"
            "            yield job.outcome(question, await one(job, question))\n"
            "            sys.exit(0)"
        ),
        WHERE + "answer of 'odd' failed at odd.py:11: it called sys.exit(0)",
        1,
    ),
    "answer_all gives nothing": (
        method("    def answer_all(self, questions, job): return None"),
        WHERE + "answer of 'odd' failed",
        1,
    ),
    "the end of answer_all fails": (
        method(
            "    async def answer_all(self, questions, job):\n        try:\n"
            "            for question in questions: yield 3\n"
            "        finally: raise ValueError('late')"
        ),
        "hint: the end of answer_all of 'odd' failed at odd.py:11: ValueError: late",
        1,
    ),
}
TASKS = {
    "load exits with 0": (task("sys.exit(0)"), "load of 'odd' failed at odd.py:6: it called sys.exit(0)"),
    "load interrupts": (task("raise KeyboardInterrupt"), "load of 'odd' failed at odd.py:6: it raised Keyb"),
    "render exits": (
        task(more="def render(self, q): sys.exit(3)"),
        "of 'odd' failed at odd.py:8: it called sys.exit(3)",
    ),
    "parse exits": (
        task(more="def parse(self, t, q): sys.exit(3)"),
        "of 'odd' failed at odd.py:8: it called sys.exit(3)",
    ),
    "score exits with 0": (
        task(more="def score(self, s, o): sys.exit(0)"),
        "failed at odd.py:8: it called sys.exit(0)",
    ),
    "correct interrupts": (
        task(more="def correct(self, a, s): raise KeyboardInterrupt"),
        "odd.py:8: it raised Keyb",
    ),
    "score_all exits": (
        task(more="def score_all(self, s, o): sys.exit(3)"),
        "load of 'odd' failed at odd.py:8: it called",
    ),
    "measure_set exits": (
        task(more="def measure_set(self, p, s, o): sys.exit(3)"),
        "measure_set of 'odd' failed at odd.py:8: it called sys.exit(3)",
    ),
    "measure_set fails": (
        task(more="def measure_set(self, p, s, o): return {}[1]"),
        "measure_set of 'odd' failed at odd.py:8: KeyError: 1",
    ),
    "roles exits": (
        task(more="@property\n    def roles(self): sys.exit(0)"),
        "roles of 'odd' failed at odd.py:9: it called",
    ),
    "classes exits": (
        task(more="@property\n    def classes(self): sys.exit(0)"),
        "odd.py:9: it called sys.exit(0)",
    ),
}


def said(done):
    return [line for line in done.err.splitlines() if not line.startswith("[")]


@pytest.mark.parametrize("case", ENDS)
def test_a_method_ends_its_cell_in_one_line(command, case, tmp_path):
    code, line, expected = ENDS[case]
    (tmp_path / "odd.py").write_text(code)
    done = command("eval", "--task", "countdown", "-T", "level=1", "--method", "odd.py", *RUN)
    assert done.code == expected and "Traceback" not in done.err
    assert any(line in each for each in said(done)), said(done)
    if expected == 1:
        (run,) = json.loads(done.out)["runs"]
        assert run["status"] == "failed"


@pytest.mark.parametrize("case", TASKS)
def test_a_task_ends_its_cell_in_one_line_and_the_grid_goes_on(command, case, tmp_path):
    code, line = TASKS[case]
    (tmp_path / "odd.py").write_text(code)
    done = command("eval", "--task", "odd.py,countdown", "-T", "countdown.level=1", *RUN)
    odd, sound = json.loads(done.out)["runs"]
    assert (done.code, odd["status"], sound["status"]) == (1, "failed", "complete")
    assert line in said(done)[-1] and "Traceback" not in done.err, said(done)


#: a line of `answer`, what is left of it on stderr; the run is complete, and its JSON alone on stdout
GOES_ON = {
    "prints": ("print('loud')", "loud"),
    "prints to what stdout was": ("print('loud', file=sys.__stdout__)", None),
    "closes stdout": ("sys.stdout.close()", None),
    "closes stderr": ("sys.stderr.close()", None),
    "replaces stdout": (
        "sys.stdout = io.StringIO()",
        "hint: method 'odd' changed sys.stdout of this process",
    ),
    "takes stdout away": ("sys.stdout = None", "hint: method 'odd' changed sys.stdout of this process"),
    "replaces stderr": (
        "sys.stderr = io.StringIO()",
        "hint: method 'odd' changed sys.stderr of this process",
    ),
    "goes elsewhere": (
        "os.chdir('/')",
        "hint: method 'odd' changed the working folder of this process, put back",
    ),
    "goes where nothing is": (
        "import tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)",
        "hint: method 'odd' changed the working folder of this process",
    ),
    "moves the cache": (
        "os.environ['HARNESS_CACHE'] = '/nowhere'",
        "hint: method 'odd' changed variables HARNESS_*",
    ),
    "forgets the cache": (
        "os.environ.pop('HARNESS_CACHE', None)",
        "hint: method 'odd' changed variables HARNESS_*",
    ),
    "moves home": ("os.environ['HOME'] = os.environ['XDG_CACHE_HOME'] = '/nowhere'", None),
    "sets a low limit of recursion": (
        "sys.setrecursionlimit(200)",
        "hint: method 'odd' changed the limit of recursion of this process",
    ),
    "changes the locale": (
        "locale.setlocale(locale.LC_ALL, 'C.UTF-8' if locale.setlocale(locale.LC_ALL) == 'C' else 'C')",
        "hint: method 'odd' changed the locale of this process",
    ),
    "changes the mode of files": ("os.umask(0o777)", "hint: method 'odd' changed the mode of new files"),
    "sets a timeout": ("socket.setdefaulttimeout(1e-9)", "hint: method 'odd' changed the timeout of sockets"),
    "switches logging off": (
        "logging.disable(99)",
        "hint: method 'odd' changed logging.disable of this process",
    ),
    "takes Ctrl-C away": ("signal.signal(signal.SIGINT, signal.SIG_IGN)", None),
    "takes SIGTERM away": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "hint: method 'odd' changed SIGTERM of this process",
    ),
    "sets an alarm": (
        "signal.alarm(3600)",
        "hint: method 'odd' changed the timer of signal.alarm of this process, put back after it",
    ),
    "handles a signal": (
        "signal.signal(signal.SIGUSR1, lambda *_: None)",
        "hint: method 'odd' changed SIGUSR1 of this process",
    ),
    "lowers a limit": (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(7)[1]))",
        "hint: method 'odd' changed RLIMIT_NOFILE of this process",
    ),
    "makes errors of warnings": ("warnings.simplefilter('error')", None),
    "empties sys.path": ("sys.path.clear()", None),
    "hooks exceptions": (
        "sys.excepthook = sys.exit",
        "hint: method 'odd' changed sys.excepthook of this process",
    ),
    "seeds the generator of all": ("import random; random.seed(0)", None),
    "stops the loop": ("asyncio.get_running_loop().stop()", None),
    "forks": ("if os.fork() == 0: return 'child'", None),
    "forks, and the child exits": ("if os.fork() == 0: sys.exit(0)", None),
    "forks, and the child fails": ("if os.fork() == 0: 1 / 0", None),
    "forks, and the child waits": ("if os.fork() == 0: await asyncio.sleep(0)", None),
    "leaves a thread that fails": (
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
        "warning: a thread that nobody waited for failed at odd.py:9: ZeroDivisionError: division by zero",
    ),
    "leaves a task that fails": (
        "asyncio.create_task(fail())",
        "warning: a task that nobody waited for failed at odd.py:5: ZeroDivisionError: division by zero",
    ),
}


@pytest.mark.parametrize("case", GOES_ON)
def test_what_a_method_does_to_its_process_ends_with_it(command, case, tmp_path):
    line, left = GOES_ON[case]
    (tmp_path / "odd.py").write_text(answer(line, TOP + "async def fail(): 1 / 0"))
    before = {name: read() for name, read in STATE.items()}
    done = command("eval", "--task", "countdown", "-T", "level=1", "--method", "odd.py", *RUN)
    assert before == {name: read() for name, read in STATE.items()}
    (run,) = json.loads(done.out)["runs"]
    assert (done.code, run["status"]) == (0, "complete") and "Traceback" not in done.err, done.err
    assert (tmp_path / run["record"]).is_file() and not (tmp_path / "results/.running/lock").exists()
    if left is None:
        assert said(done) == [] or "prints" in case or "fork" in case
    else:
        assert any(each.startswith(left) for each in said(done)), said(done)


STATE = {
    "folder": os.getcwd,
    "interrupt": lambda: signal.getsignal(signal.SIGINT),
    "terminate": lambda: signal.getsignal(signal.SIGTERM),
    "streams": lambda: (sys.stdin, sys.stdout, sys.stderr),
    "path": lambda: {*sys.path},
    "recursion": sys.getrecursionlimit,
    "hooks": lambda: threading.excepthook,
    "filters": lambda: [*warnings.filters],
    "locale": lambda: locale.setlocale(locale.LC_ALL),
    "timeout": socket.getdefaulttimeout,
    "logging": lambda: logging.root.manager.disable,
    "cache": lambda: os.environ["HARNESS_CACHE"],
}


def test_ctrl_c_stays_the_users_whatever_a_method_makes_of_it(command, tmp_path):
    swallows = (
        "try: signal.raise_signal(signal.SIGINT); await asyncio.sleep(9)\n        except BaseException: pass"
    )
    for line in ("signal.raise_signal(signal.SIGINT); await asyncio.sleep(9)", swallows):
        (tmp_path / "odd.py").write_text(answer(line))
        done = command(
            "eval", "--task", "countdown", "-T", "level=1", "--method", "odd.py,direct", *RUN, "--overwrite"
        )
        assert done.code == 130 and json.loads(done.out)["runs"] == [] and "interrupted: 0 of 2" in done.err
    (tmp_path / "odd.py").write_text(
        "import signal, sys\ntry: signal.raise_signal(signal.SIGINT)\nfinally: sys.exit(0)"
    )
    done = command("eval", "--task", "countdown", "--method", "odd.py", *RUN)
    assert (done.code, done.err.strip()) == (130, "interrupted")


def test_time_for_an_attempt_holds_for_code_that_never_gives_way(command, tmp_path):
    (tmp_path / "odd.py").write_text(answer("__import__('time').sleep(0.03)"))
    done = command(
        "eval", "--task", "countdown", "-T", "level=1", "--method", "odd.py", *RUN, "--attempt-time", "0.01"
    )
    (run,) = json.loads(done.out)["runs"]
    assert (done.code, run["counts"]["error"]) == (1, 2)
    assert "took longer than 0.01 seconds (--attempt-time)" in done.err


def test_nothing_but_results_goes_to_stdout(warm, tmp_path):
    loud = (
        "os.write(1, b'raw'); os.system('echo child'); ctypes.CDLL(None).puts(b'libc'); print('late', end='')"
        "; atexit.register(print, 'exit'); sys.__stdout__.write('dunder'); os.close(1)"
    )
    (tmp_path / "odd.py").write_text("import atexit, ctypes\n" + answer(f"if question.id[-1] == '0': {loud}"))
    environment = {**os.environ, "HARNESS_CACHE": str(tmp_path / "cache")}
    done = warm.run(
        ["-m", "harness", "eval", "--task", "countdown", "-T", "level=1", "--method", "odd.py", *RUN],
        tmp_path,
        environment,
    )
    assert done.stdout, done.stderr
    assert json.loads(done.stdout)["runs"][0]["status"] == "complete", done.stderr
    for word in ("raw", "child", "libc", "late", "exit", "dunder"):
        assert word in done.stderr


class Leaves(harness.Method):
    async def answer(self, question, job):
        if question.id.endswith("1"):
            sys.exit(3)
        return harness.Outcome(question.id, question.epoch, text="1+1")


@pytest.mark.parametrize("way", ["sync", "in a loop", "async"])
def test_a_call_in_python_goes_on(command, way):
    options = {"limit": 2, "task_args": {"level": 1}, "progress": False}

    async def main():
        if way == "async":
            return await harness.evaluate_async("countdown", [Leaves, "direct"], "echo/x", **options)
        return harness.evaluate("countdown", [Leaves, "direct"], "echo/x", **options)

    with pytest.warns(HarnessWarning, match=r"answer of 'leaves' failed at .*: it called sys.exit\(3\)"):
        if way == "sync":
            runs = harness.evaluate("countdown", [Leaves, "direct"], "echo/x", **options)
        else:
            runs = asyncio.run(main())
    assert [run.status for run in runs] == ["failed", "complete"]


async def _leaves():
    sys.exit(3)


def _in_a_thread():
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()


@pytest.mark.parametrize("awaited", [True, False, "thread"])
def test_a_callers_loop_outlives_the_tasks_and_threads_of_a_plugin(command, awaited):
    """Those of the caller are left as they are."""

    class LeavesApart(harness.Method):
        async def answer(self, question, job):
            if awaited == "thread":
                _in_a_thread()
            else:
                task = asyncio.create_task(_leaves())
                await (task if awaited else asyncio.sleep(0.01))
            return harness.Outcome(question.id, question.epoch, text="1+1")

    async def others():
        await asyncio.sleep(0.001)
        return asyncio.current_task().get_coro().__name__

    async def main():
        runs, name = await asyncio.gather(
            harness.evaluate_async(
                "countdown",
                [LeavesApart, "direct"],
                "echo/x",
                limit=2,
                task_args={"level": 1},
                progress=False,
            ),
            others(),
        )
        return runs, name, asyncio.get_running_loop().get_task_factory()

    with pytest.warns(HarnessWarning, match=r"answer of 'leaves-apart' failed.*: it called sys.exit\(3\)"):
        runs, name, factory = asyncio.run(main())
    assert [run.status for run in runs] == ["failed", "complete"]
    assert name == "others" and factory is None


def test_answers_before_a_fault_are_kept(command, tmp_path):
    (tmp_path / "odd.py").write_text(
        answer("if question.id[-1] != '0': await asyncio.sleep(0.05); sys.exit(0)")
    )
    done = command("eval", "--task", "countdown", "-T", "level=1", "--method", "odd.py", *RUN)
    (kept,) = (tmp_path / "results" / ".running").glob("*/samples.jsonl")
    assert done.code == 1 and [json.loads(line)["n"] for line in kept.read_text().splitlines()] == [0]
