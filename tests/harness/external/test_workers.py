"""Worker processes: what they may not do, and what happens when they die."""

import asyncio
import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.base.errors import BudgetSpent
from harness.external.workers import Pool, Worker, WorkerError, WorkerLost

SCRIPT = """
import os, sys, time

def outside(what, **fields):
    raise NotImplementedError

def handle(request):
    if "want" in request:
        found = []
        for number in range(request["times"]):
            try:
                found.append(outside(request["want"], number=number))
            except OSError as error:
                found.append(f"refused: {error}")
            time.sleep(request.get("rest", 0))
        return found
    if "code" in request:
        found = {"handle": handle, "outside": outside}
        exec(request["code"], found)
        return found.get("answer")
    print("noise on stdout")
    os.write(1, b"more noise")
    if "run" in request:
        return str(eval(request["run"]))
    if "sleep" in request:
        time.sleep(request["sleep"])
    return {"echo": request, "pid": os.getpid(), "environment": sorted(os.environ), "cwd": os.getcwd()}
"""


#: a path that begins at another folder than it seems to
CLIMB = (
    "(lambda os: [os.makedirs('a/b/c/d'), os.chdir('a/b/c/d'), os.read(os.open('../../proc/{{}}/environ'"
    ".format(os.getppid()), 0, dir_fd=os.open(os.environ['HOME'], 0)), 99)])(__import__('os'))"
)


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def worker(script):
    made = Worker(script, None, 1 << 30)
    yield made
    made.close()


def test_answers_whatever_the_size_and_is_one_process(worker):
    small, large = worker.ask({"text": "x"}), worker.ask({"text": "é" * 3_000_000})
    assert small["pid"] == large["pid"] != os.getpid()
    assert large["echo"]["text"] == "é" * 3_000_000
    assert set(small["environment"]) <= {
        "HOME",
        "LANG",
        "LC_CTYPE",
        "OMP_NUM_THREADS",
        "PATH",
        "PWD",
        "PYTHONHASHSEED",
    }


@pytest.mark.parametrize(
    "hostile",
    [
        "__import__('os').system('true')",
        "__import__('subprocess').run(['true'])",
        "__import__('os').fork()",
        "__import__('socket').create_connection(('127.0.0.1', {port}))",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1:{port}/')",
        "__import__('sqlite3').connect('{place}')",
        "__import__('readline').read_history_file('/etc/passwd')",
        "open('/proc/self/environ').read()",
        CLIMB,
        "__import__('ctypes').CDLL(None)",
        "__import__('os').kill(__import__('os').getppid(), 9)",
        "open('/etc/passwd').read()",
        "open('{place}', 'w')",
        "__import__('os').listdir('/')",
        "__import__('shutil').rmtree('{folder}')",
        "__import__('os').open('{place}', 64 | 1)",
        "__import__('os').posix_spawn('/bin/true', ['true'], {{}})",
        "__import__('os').execv('/bin/true', ['true'])",
        "__import__('os').kill(__import__('os').getpid(), 0)",
        "__import__('pty').spawn('/bin/true')",
        "__import__('multiprocessing').get_context('spawn').Process(target=print).start()",
        "__import__('os').symlink('/etc', 'etc')",
        "__import__('gc').get_objects()",
        "__import__('sys')._current_frames()",
        "__import__('ctypes').pythonapi.PyErr_Print()",
    ],
)
def test_a_string_of_a_model_reaches_nothing_outside(worker, tmp_path, hostile):
    place = tmp_path / "written"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(WorkerError, match="not allowed|a null byte|closed"):
            worker.ask({"run": hostile.format(place=place, folder=tmp_path, port=port)})
        assert not select.select([listening], [], [], 0)[0]
    assert not place.exists() and tmp_path.exists()
    assert worker.ask({"run": "1 + 1"}) == "2"


def answer(worker, request, outside=None, **more):
    return asyncio.run(worker.answer(request, **more, **({"outside": outside} if outside else {})))


def test_what_it_wants_from_outside_is_served_by_who_asked_it(worker):
    asked = []

    async def outside(wanted, scratch):
        assert scratch.is_dir()
        asked.append(wanted)
        await asyncio.sleep(0.4)
        return [wanted["number"], "é" * 100_000]

    found = answer(worker, {"want": "page", "times": 3}, outside, seconds=1)  # waiting isn't its time
    assert found == [[n, "é" * 100_000] for n in range(3)]
    assert asked == [{"what": "page", "number": n} for n in range(3)]


def test_what_is_refused_outside_ends_the_request_and_not_the_worker(worker):
    pid = worker.ask({})["pid"]
    with pytest.raises(WorkerError, match="doesn't allow"):
        answer(worker, {"want": "page", "times": 1})

    async def outside(wanted, scratch):
        raise BudgetSpent(f"number {wanted['number']}")

    with pytest.raises(BudgetSpent, match="number 0"):
        answer(worker, {"want": "page", "times": 1}, outside)
    assert worker.ask({})["pid"] == pid
    with pytest.raises(BudgetSpent, match="number 0"):
        answer(worker, {"want": "page", "times": 1_000_000}, outside)
    assert worker.ask({})["pid"] != pid  # one that goes on asking has gone
    with pytest.raises(WorkerError, match="isn't to be had"):
        worker.ask({"want": "page", "times": 1})


def test_asking_for_what_is_outside_has_an_end(worker, monkeypatch):
    async def one(wanted, scratch):
        return 1

    monkeypatch.setattr("harness.external.workers.WANTS", 20)
    with pytest.raises(WorkerError, match="too much"):
        answer(worker, {"want": "page", "times": 1_000_000}, one)
    with pytest.raises(WorkerError, match="longer than"):  # computing between the questions is its time
        answer(worker, {"want": "page", "times": 19, "rest": 0.2}, one, seconds=1.0)


@pytest.mark.parametrize(
    "request_", [{"want": "page", "times": 1}, {"sleep": 60}, {"run": "[0 for _ in iter(int, 1)]"}]
)
def test_a_request_that_is_cancelled_is_over_at_once_and_holds_no_one_up(worker, request_):
    async def never(wanted, scratch):
        await asyncio.sleep(600)

    async def work():
        asked = asyncio.ensure_future(worker.answer(request_, 600, never))
        waiting = asyncio.ensure_future(worker.answer({"text": "next"}))
        gone = asyncio.ensure_future(worker.answer({"text": "gone"}))
        await asyncio.sleep(1)
        gone.cancel()
        started = time.monotonic()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        found = await waiting
        return found["echo"], time.monotonic() - started

    worker.ask({})
    found, seconds = asyncio.run(work())
    assert found == {"text": "next"} and seconds < 10
    assert worker.ask({"text": "mine"})["echo"] == {"text": "mine"}


def test_any_number_may_wait_for_one_worker(worker):
    async def work():
        return await asyncio.gather(*(worker.answer({"n": n}) for n in range(300)))

    assert [found["echo"]["n"] for found in asyncio.run(asyncio.wait_for(work(), 60))] == list(range(300))


def test_a_turn_that_was_given_up_leaves_the_worker_free_though_its_loop_is_gone(worker):
    async def give_up():
        asked = asyncio.ensure_future(worker.answer({"text": "never"}))
        await asyncio.sleep(0.05)
        asked.cancel()

    for _ in range(20):
        worker.lock.acquire()
        asyncio.run(give_up())  # the thread still waits when this loop is closed
        worker.lock.release()
        assert worker.lock.acquire(timeout=10)
        worker.lock.release()
    assert worker.ask({"text": "mine"})["echo"] == {"text": "mine"}


#: ways to a process of its own: code, after which `answer` is what came of it
STARTS = [
    "import os; answer = os.fork()",
    "import os; answer = os.forkpty()",
    "import subprocess; answer = subprocess._fork_exec()",
    "import _posixsubprocess; answer = _posixsubprocess.fork_exec()",
    "import sys; answer = sys.modules['_posixsubprocess'].fork_exec()",
    "import sys; del sys.modules['_posixsubprocess']; import _posixsubprocess",
    "import multiprocessing.util as u; answer = u.spawnv_passfds(b'/bin/true', [b'true'], [])",
    "import _imp, importlib.util as u; m = _imp.create_builtin(u.find_spec('_posixsubprocess'))\n"
    "m.fork_exec([b'true'], [b'/bin/true'], True, (), None, None, -1, -1, -1, -1, -1, -1, -1, -1, False,"
    " False, -1, None, None, None, -1, None, True)",
    "import os; answer = os.memfd_create('x')",
]


@pytest.mark.parametrize("code", STARTS)
def test_no_process_is_started_in_any_way(worker, code):
    before = worker.ask({})["pid"]
    with pytest.raises(WorkerError, match="not allowed|not permitted|no attribute|can't be|NoneType"):
        worker.ask({"code": code})
    children = [
        each.name
        for each in Path("/proc").iterdir()
        if each.name.isdigit() and (each / "stat").exists() and _parent(each) == before
    ]
    assert children == [] and worker.ask({"run": "1 + 1"}) == "2"


def _parent(process):
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


#: ways to answer in the place of the script: all that can be reached of the channel, one after the other
FORGE = """
import os, sys
line = b'{"value": "forged"}\\n'
for file in range(3, 600):
    try:
        os.write(file, line)
    except OSError:
        pass
for name in range(600):
    for path in (f"/proc/self/fd/{name}", f"/proc/self/task/{name}/fd/3"):
        try:
            os.write(os.open(path, os.O_RDWR), line)
        except OSError:
            pass
frame = sys._getframe()
seen = []
while frame:
    seen += frame.f_locals.values()
    seen += [value for value in frame.f_globals.values() if not isinstance(value, type(sys))]
    frame = frame.f_back
seen += list(vars(sys.modules["__main__"]).values())
for each in [outside, handle, *seen]:
    for cell in getattr(each, "__closure__", None) or ():
        inner = getattr(cell.cell_contents, "__self__", cell.cell_contents)
        for forged in (line.decode().strip(), '{"wants": {}, "value": "forged"}\\n' + line.decode(), line):
            try:
                inner.put(forged) if TRY else None
            except Exception:
                pass
answer = "mine"
"""


@pytest.mark.parametrize("touch", [False, True])
def test_the_channel_is_out_of_reach_of_what_is_judged(worker, touch):
    """Without a touch of the queue of wishes the answer is the script's own; with it there is none."""
    code = FORGE.replace("TRY", str(touch))
    if touch:
        with pytest.raises(WorkerError):
            worker.ask({"code": code}, seconds=5)
    else:
        assert worker.ask({"code": code}) == "mine"
    assert worker.ask({"text": "mine"})["echo"] == {"text": "mine"}
    assert worker.ask({"text": "too"})["echo"] == {"text": "too"}


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("import json; json.dumps = json.JSONEncoder.encode = lambda *a: 'forged'\nanswer = 'mine'", "mine"),
        ("import json; json.encoder.JSONEncoder.iterencode = None\nanswer = 'mine'", "mine"),
        ("import builtins; builtins.str = builtins.type = None\nanswer = 'mine'", "mine"),
        ("class T(str):\n    def encode(self, *a): return b'forged'\nanswer = T('mine')", "mine"),
    ],
)
def test_answers_are_written_by_what_can_not_be_replaced(worker, code, answer):
    assert worker.ask({"code": code}) == answer


@pytest.mark.parametrize(
    "code",
    [
        "for n in range(9):\n    open(f'f{n}', 'wb').write(bytes(3 << 20))\nimport time; time.sleep(60)",
        "import os\nfor n in range(9):\n    f = open('f', 'wb'); f.write(bytes(3 << 20)); os.remove('f')\n"
        "    globals()[f'f{n}'] = f\nimport time; time.sleep(60)",
        "import os\nfor n in range(3000):\n    os.close(os.open(f'f{n}', os.O_CREAT | os.O_WRONLY))\n"
        "import time; time.sleep(60)",
    ],
)
def test_what_is_written_has_a_largest_size(worker, monkeypatch, code):
    for module in ("harness.external.workers", "harness.external.workers.watch"):
        monkeypatch.setattr(f"{module}.WRITTEN_BYTES", 8 << 20)
    with pytest.raises(WorkerError, match="wrote more than 8 MiB"):
        worker.ask({"code": code})
    assert worker.ask({})["echo"] == {}


def test_threads_have_a_largest_number(worker):
    code = "import threading, time\nfor _ in range(2000):\n"
    code += "    threading.Thread(target=time.sleep, args=(60,)).start()"
    with pytest.raises(WorkerError, match="threads are not allowed|can't start new thread"):
        worker.ask({"code": code})


@pytest.fixture
def speaker(monkeypatch, tmp_path):
    """A worker that says what it is told, whatever the protocol."""
    program = tmp_path / "speaker.py"
    program.write_text(
        "import os\nos.write(1, b'{\"value\": null}\\n')\n"
        "while line := os.read(0, 1 << 20):\n"
        '    found = __import__("json").loads(line)\n'
        '    said = found["write"].encode() * found.get("times", 1)\n'
        "    while said:\n        said = said[os.write(1, said):]\n"
    )
    monkeypatch.setattr("harness.external.workers.INSIDE", program)
    made = Worker(program, None, 1 << 30)
    yield made
    made.close()


@pytest.mark.parametrize("answer", ["{bad", "3", "{}", "[[[", '{"wants": 3}', "[" * 100_000, "\xff"])
def test_an_answer_that_can_not_be_read_is_a_failed_request(speaker, answer):
    with pytest.raises(WorkerError, match="can't be read"):
        speaker.ask({"write": answer + "\n"})
    assert not speaker.started


def test_no_answer_can_be_laid_ready_for_the_next_request(speaker):
    with contextlib.suppress(WorkerError):
        speaker.ask({"write": '{"value": 1}\n{"value": "forged"}\n'})
    assert speaker.ask({"write": '{"value": "mine"}\n'}) == "mine"
    assert speaker.ask({"write": '{"value": "too"}\n'}) == "too"


def test_an_answer_has_a_largest_size(speaker, monkeypatch):
    monkeypatch.setattr("harness.external.workers.LINE_BYTES", 1 << 20)
    with pytest.raises(WorkerError, match="longer than 1 MiB"):
        speaker.ask({"write": "x", "times": 8 << 20})


def test_a_busy_worker_ends_with_the_process_that_started_it(script, tmp_path):
    note = tmp_path / "pid"
    starter = f"""
import threading
from pathlib import Path
from harness.external.workers import Worker
worker = Worker(Path({str(script)!r}), None, 1 << 30)
Path({str(note)!r}).write_text(str(worker.ask({{}})["pid"]))
worker.ask({{"run": "[0 for _ in iter(int, 1)]"}}, seconds=600)
"""
    parent = subprocess.Popen([sys.executable, "-c", starter])
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)  # it is busy now
    parent.kill()
    parent.wait()
    pid = int(note.read_text())
    stat = Path(f"/proc/{pid}/stat")
    while stat.exists() and ") Z" not in stat.read_text():
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.1)


def test_its_scratch_folder_is_its_own_and_goes(worker):
    assert worker.ask({"run": "open('note', 'w').write('x')"}) == "1"
    scratch = worker.ask({})["cwd"]
    assert os.path.exists(scratch)
    worker.close()
    assert not os.path.exists(scratch)


@pytest.mark.parametrize("deadly", ["__import__('os')._exit(3)", "'x' * (4 << 30)"])
def test_a_death_is_one_failed_request(worker, deadly):
    first = worker.ask({})["pid"]
    with pytest.raises(WorkerError):
        worker.ask({"run": deadly})
    assert worker.ask({})["pid"] != first


def test_an_endless_request_is_stopped(worker):
    started = time.monotonic()
    with pytest.raises(WorkerError, match="longer than 0.5 s"):
        worker.ask({"sleep": 60}, seconds=0.5)
    assert time.monotonic() - started < 20
    assert worker.ask({})["echo"] == {}


def test_exit_is_an_error_of_the_request_alone(worker):
    first = worker.ask({})["pid"]
    with pytest.raises(WorkerError, match="SystemExit"):
        worker.ask({"run": "exit() if 'exit' in dir(__builtins__) else (_ for _ in ()).throw(SystemExit)"})
    assert worker.ask({})["pid"] == first


def test_a_pool_keeps_the_order_and_shares_the_work(script):
    pool = Pool(script, None, 2)
    try:
        found = list(pool.each([{"n": n, "sleep": 0.05} for n in range(12)] + [{"run": "1 / 0"}]))
        assert [row["echo"]["n"] for row in found[:-1]] == list(range(12))
        assert len({row["pid"] for row in found[:-1]}) == 2
        assert isinstance(found[-1], WorkerError) and "ZeroDivisionError" in str(found[-1])
    finally:
        pool.close()


def test_a_lent_worker_is_no_one_elses_until_it_is_given_back(script):
    pool = Pool(script, None, 2)
    held, most = set(), []

    async def borrow(n):
        worker = await pool.acquire()
        assert worker not in held
        held.add(worker)
        most.append(len(held))
        await asyncio.sleep(0.01)
        held.discard(worker)
        pool.give_back(worker)
        return n

    async def work():
        first, second = await pool.acquire(), await pool.acquire()
        patient, impatient = (asyncio.ensure_future(pool.acquire()) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        pool.give_back(first)
        assert await patient is first
        patient = asyncio.ensure_future(pool.acquire())
        await asyncio.sleep(0)
        pool.give_back(second)  # its turn has come when it is cancelled: the worker must not be lost
        patient.cancel()
        await asyncio.gather(patient, impatient, return_exceptions=True)
        pool.give_back(first)
        return await asyncio.gather(*map(borrow, range(9)))

    assert asyncio.run(work()) == list(range(9)) and max(most) == 2


def test_a_script_that_cannot_start_says_why(tmp_path):
    (tmp_path / "broken.py").write_text("import not_there_at_all")
    worker = Worker(tmp_path / "broken.py", None, 1 << 30)
    with pytest.raises(WorkerError, match="not_there_at_all"):
        worker.ask({})
    worker.close()


@pytest.mark.parametrize(
    ("code", "broken", "lost"),
    [
        ("open('/no/such/file')", True, False),
        ("import no_such_module", True, False),
        ("raise MemoryError", True, True),
        ("import os; os._exit(1)", True, True),
        ("import time; time.sleep(60)", True, True),
        ("raise ValueError('no score')", False, False),
    ],
)
def test_whether_the_worker_or_what_it_was_asked_is_at_fault(script, code, broken, lost):
    worker = Worker(script, None, 1 << 30)
    try:
        with pytest.raises(WorkerError) as failed:
            worker.ask({"code": code}, seconds=0.5 if "sleep" in code else 60.0)
        assert (failed.value.broken, isinstance(failed.value, WorkerLost)) == (broken, lost)
    finally:
        worker.close()


def test_functions_that_networkx_compiles_late_work_behind_the_walls(tmp_path):
    """They get other code at their first call, which the walls refuse."""
    networkx = pytest.importorskip("networkx")
    script = tmp_path / "script.py"
    script.write_text("import networkx\ndef handle(pairs):\n    return len(networkx.DiGraph(pairs))\n")
    worker = Worker(script, Path(networkx.__file__).parents[1], 4 << 30)
    try:
        assert worker.ask([[0, 1], [1, 2]]) == 3
    finally:
        worker.close()
