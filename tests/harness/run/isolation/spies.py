"""Methods that look for targets, or for a way out. Each answers with what it found."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import harness.base.errors
from harness.sample import Outcome, Question

MARK = re.compile(r"TARGET[0-9a-f]{12}")


def words(value: Any) -> set[str]:
    return set(MARK.findall(value if isinstance(value, str) else repr(value)))


# -- the five spies: what they find of the targets -----------------------------------------------------------


def attributes(job: Any, args: Any) -> set[str]:
    """Every attribute, private ones too, of the job and of what hangs on it."""
    found, seen, waiting = set[str](), set[int](), [(job, 0)]
    while waiting:
        held, depth = waiting.pop()
        if id(held) in seen or depth > 8:
            continue
        seen.add(id(held))
        if isinstance(held, str):
            found |= words(held)
        elif isinstance(held, dict):
            waiting += [(value, depth + 1) for value in held.values()]
        elif isinstance(held, list | tuple | set | frozenset):
            waiting += [(value, depth + 1) for value in held]
        elif type(held).__module__.startswith(("harness", "words")):
            names = [name for cls in type(held).__mro__ for name in getattr(cls, "__slots__", ())]
            names += list(getattr(held, "__dict__", ()))
            waiting += [(getattr(held, name, None), depth + 1) for name in names]
            if type(held).__name__ == "WithoutTargets":
                waiting += [(list(held), depth + 1)]
    return found


def loading(job: Any, args: Any) -> set[str]:
    """The task itself, made again from its file or by its name."""
    found = set[str]()
    try:
        spec = importlib.util.spec_from_file_location("again", args["task"])
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        found |= words(list(module.Words().load(None).test))
    except OSError:
        pass
    try:
        from harness.registry import load_task, registry

        spec = registry().task("countdown")
        assert load_task(spec, spec.arguments({"level": 1}))
        found.add("countdown")
    except (harness.base.errors.HarnessError, OSError, ImportError, AttributeError, KeyError):
        pass
    return found


def frames(job: Any, args: Any) -> set[str]:
    """Local variables of whoever waits for an answer, and every object of this process."""
    found = set[str]()
    for task in asyncio.all_tasks():
        held: Any = task.get_coro()
        while held is not None:
            frame = getattr(held, "cr_frame", None) or getattr(held, "ag_frame", None)
            for value in frame.f_locals.values() if frame is not None else ():
                found |= words(list(getattr(getattr(value, "splits", None), "test", ())))
            held = getattr(held, "cr_await", None) or getattr(held, "ag_await", None)
    for each in gc.get_objects():
        if type(each).__name__ == "Sample" and type(each).__module__ == "harness.sample":
            found |= words(each)
    return found


def journal(job: Any, args: Any) -> set[str]:
    """Scores and targets in the files of the run."""
    found = set[str]()
    for path in Path(args["store"]).rglob("*"):
        try:
            text = path.read_text("utf-8", "replace") if path.is_file() else ""
        except OSError:
            continue
        found |= words(text)
        found |= set(re.findall(r'"(?:accuracy|metrics)": ?\{?"?[\d.a-z]+[^,]*', text.replace("null", "")))
    return found


def patching(job: Any, args: Any) -> set[str]:
    """No finding: the task's grader says yes to everything from now on, where it can be reached."""
    from harness.run import scoring
    from harness.sample import Score
    from harness.task import Task

    Task.score = lambda self, sample, outcome: Score({"accuracy": 1.0})  # type: ignore[method-assign]
    scoring._score = lambda task, sample, outcome: Score({"accuracy": 1.0})
    return set()


FIVE = [attributes, loading, frames, journal, patching]


# -- ways out: each is named if it is open -------------------------------------------------------------------


def ways_out(job: Any, args: Any) -> set[str]:
    parent, libc = os.getppid(), ctypes.CDLL(None, use_errno=True)

    def fork() -> None:
        if os.fork() == 0:
            os._exit(0)

    def call(number: int, *given: Any) -> None:
        if libc.syscall(number, *given) < 0:
            raise OSError(ctypes.get_errno(), "refused")

    def listed(path: str) -> None:
        os.listdir(path)

    def sent(path: str) -> None:
        ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.sendto(b"x", path)

    store, task = args["store"], args["task"]
    tries: dict[str, Callable[[], Any]] = {
        "task": lambda: open(task).read(),
        "task's folder": lambda: listed(os.path.dirname(task)),
        "a link to the task": lambda: (os.symlink(task, "link"), open("link").read()),
        "store": lambda: listed(store),
        "a new file in the store": lambda: open(f"{store}/x", "w"),
        "a removed store": lambda: os.rename(store, f"{store}x"),
        "truncating": lambda: os.truncate(task, 0),
        "rights": lambda: os.chmod(store, 0),
        "times": lambda: os.utime(task),
        "passwords": lambda: open("/etc/passwd").read(),
        "root": lambda: listed("/"),
        "tasks of the harness": lambda: open(Path(harness.__file__).parent / "tasks" / "__init__.py").read(),
        "home": lambda: listed(os.path.expanduser("~root")),
        "memory of the runner": lambda: open(f"/proc/{parent}/mem", "rb"),
        "environment of the runner": lambda: open(f"/proc/{parent}/environ").read(),
        "files of the runner": lambda: listed(f"/proc/{parent}/fd"),
        "root by proc": lambda: open("/proc/self/root/etc/passwd").read(),
        "socket": socket.socket,
        "socket by number": lambda: call(41, 1, 1, 0),
        "datagrams": lambda: sent("/dev/log"),
        "fork": fork,
        "program": lambda: subprocess.run(["/bin/true"], check=True),
        "exec": lambda: os.execv("/bin/true", ["true"]),
        "signal": lambda: os.kill(parent, signal.SIGCONT),
        "signal to a thread": lambda: call(234, parent, parent, int(signal.SIGCONT)),
        "limits of the runner": lambda: __import__("resource").prlimit(parent, 7, (99, 99)),
        "trace": lambda: call(101, 16, parent, 0, 0),
        "memory by call": lambda: call(310, parent, 0, 0, 0, 0, 0),
        "handles": lambda: call(304, 0, 0, 0),
        "device": lambda: os.mknod("disk", 0o060600, os.makedev(8, 0)),
        "namespaces": lambda: call(272, 0x00020000),
        "mount": lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, 0),
        "an end of one's own": lambda: call(157, 1, 0, 0, 0, 0),
        "another task": lambda: job.training.task("countdown"),
        "weights": lambda: job.training.policy,
    }
    found = set()
    for name, way in tries.items():
        try:
            way()
        except (OSError, harness.base.errors.HarnessError):
            continue
        found.add(name)
    return found


class Spy(harness.Method):
    """Answers question n with what the n-th spy found."""

    class Params:
        task: str = ""
        store: str = ""
        spies: str = "five"

    async def answer(self, question: Question, job: Any) -> Outcome:
        spies = FIVE if self.args["spies"] == "five" else [*FIVE, ways_out]
        number = int(question.id.removeprefix("q"))
        found = spies[number](job, self.args) if number < len(spies) else set[str]()
        return Outcome(question.id, question.epoch, json.dumps(sorted(found)))


# -- methods that break off, or break the pipe ---------------------------------------------------------------


def raising(job: Any) -> None:
    raise ValueError("it went \x1b[31mred")


def leaving(job: Any) -> None:
    sys.exit(0)


def refusing(job: Any) -> None:
    raise harness.base.errors.UsageError("give me a prompt")


def killed(job: Any) -> None:
    libc = ctypes.CDLL(None)
    libc.syscall(234, os.getpid(), os.getpid(), int(signal.SIGKILL))


def exiting(job: Any) -> None:
    os._exit(0)


def hanging(job: Any) -> None:
    while True:
        time.sleep(0.01)


def chatting(job: Any) -> None:
    while True:
        job.progress("answer", 1, 2)


def reading(job: Any) -> None:
    while True:
        job.parse("red", Question("x", "which?"))


def noise(job: Any) -> None:
    job.pipe._channel.sendall(b"\xff" * 100 + b"\n")


def not_a_number(job: Any) -> None:
    job.pipe._channel.sendall(b'{"do": "outcome", "o": {"question_id": "q1", "confidence": NaN}}\n')


def endless(job: Any) -> None:
    while True:
        job.pipe._channel.sendall(b"x" * (1 << 20))


def filling(job: Any) -> None:
    for n in range(8):
        with open(f"file{n}", "wb") as file:
            file.write(b"x" * (64 << 20))
    hanging(job)


def spent(job: Any) -> None:
    raise harness.base.errors.BudgetSpent("I had enough")


def forged(job: Any) -> None:
    job.pipe.tell(do="failed", where="answer", own="BudgetSpent", text="enough", said=": no", number=1)
    hanging(job)


class Bad(harness.Method):
    """Answers one question, and then does what it was told."""

    class Params:
        act: str = ""

    async def answer(self, question: Question, job: Any) -> Outcome:
        if question.id != "q0":
            globals()[self.args["act"]](job)
        return Outcome(question.id, question.epoch, "an answer")

    def answer_all(self, questions: Any, job: Any) -> Any:
        async def one_by_one() -> Any:
            for question in questions:
                yield await self.answer(question, job)

        return one_by_one()


class Half(harness.Method):
    """Says half a character wherever a model may have said it, and has such a text read."""

    async def answer(self, question: Question, job: Any) -> Outcome:
        read = job.parse("an answer \ud83d", question)
        return Outcome(question.id, question.epoch, "caf\u00e9 \ud83d", trace={"said": ["\udfff", read]})


class Plain(harness.Method):
    """Answers without a model."""

    async def answer(self, question: Question, job: Any) -> Outcome:
        return Outcome(question.id, question.epoch, "an answer")


class Honest(harness.Method):
    """Uses what a job gives."""

    needs = ("labelled", "pool")

    async def fit(self, job: Any) -> None:
        job.drew(job.data.train)
        self.pool = [question.input for question in job.data.pool]
        self.place = job.files.dir / "note"
        self.place.write_text("kept")
        job.log.warning("fitted \x1b[1mthis")

    async def answer(self, question: Question, job: Any) -> Outcome:
        shots = job.data.train[:2]
        outputs = [
            await job.model.generate(question, job.ask(question, shots if n else ()), draw=n, temperature=1.0)
            for n in range(2)
        ]
        answers = [job.parse(output.completion, question) for output in outputs]
        answer, votes = job.majority(answers, question)
        reward = job.training.reward(job.data.train[1], "label 1")
        return job.outcome(
            question,
            outputs[0],
            answer=answer,
            confidence=votes / 2,
            trace={"seed": job.rng(question.id).random(), "read": self.place.read_text()},
            measures={"reward": reward, "pool": len(self.pool)},
        )


class Historian(harness.Method):
    """Says what each user did before, as prepared and as asked."""

    needs = ("history",)

    async def fit(self, job: Any) -> None:
        self.known: dict[str, int] = {}

        async def prepare(past: Any) -> None:
            self.known[past.digest] = len(past)

        await job.each_user(prepare)

    async def answer(self, question: Question, job: Any) -> Outcome:
        past = job.history(question, "persona")
        told = [past.user, [each.id for each in past.interactions], self.known[past.digest]]
        return Outcome(question.id, question.epoch, json.dumps(told))
