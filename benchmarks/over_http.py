"""What a call costs over HTTP: the same chats with the same server, through several clients in one run.

    python benchmarks/over_http.py [--peer E/bin/python] [--memory]

Every client runs in a child process of its own, held to one core, at two sizes; the difference of their CPU
seconds over that of their sizes is the cost of a call, start-up excluded. Calls a second and calls in flight
are counted at the server, a process of its own. At 50 ms no client of one core can keep 256 calls under way
(that takes 5,120 calls a second), so whether they are is measured once more on a slower server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONNECTIONS = 256
DELAY = 0.05
#: calls at the two sizes
SIZES = {
    "aiohttp": (2_000, 12_000),
    "gateway": (2_000, 12_000),
    "eval": (2_000, 12_000),
    "inspect-ai": (200, 700),
    "lm-eval": (500, 2_500),
}
ROUNDS = 3
MEMORY_AT = (20_000, 100_000)
#: whole runs of which it is measured whether the calls asked for are under way: the server's seconds, the
#: connections and the calls; as many as one core can serve
KEPT_BUSY = ((0.05, 32, 6_000), (0.5, 256, 6_000))
#: clients without which the others still say something
PEERS = ("inspect-ai", "lm-eval")
#: of pip: without a network it would try for minutes
PATIENCE = ("--retries", "1", "--timeout", "15")
#: memory of the larger run over that of the smaller one, of a harness that keeps no attempt
FLAT = 1.25


def _question(n: int) -> str:
    return f"Question {n}: what does the model say? Answer with one word and nothing else."


async def _workers(one: Any, n: int) -> None:
    """`one(i)` for every i below n, as many at once as there are connections."""
    numbers = iter(range(n))

    async def worker() -> None:
        for i in numbers:
            await one(i)

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))


def run_aiohttp(n: int, address: str, folder: Path) -> None:
    """The least that a client does: send JSON, read JSON, keep the text."""
    import aiohttp

    async def main() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def one(i: int) -> None:
                body = {"model": "bench", "messages": [{"role": "user", "content": _question(i)}]}
                async with session.post(f"{address}/chat/completions", json=body) as response:
                    found = await response.json()
                    assert found["choices"][0]["message"]["content"] == "lol"

            await _workers(one, n)

    asyncio.run(main())


def _args(address: str) -> dict[str, Any]:
    return {"base_url": address, "api_key": "none"}


def run_gateway(n: int, address: str, folder: Path) -> None:
    """`Model.generate` of harness: keyed, cached on disk, counted, priced, as in a run."""
    from harness.base.garbage import collected_rarely
    from harness.base.messages import user
    from harness.model.budget import Budget
    from harness.model.cache import Cache
    from harness.model.factory import open_model
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger
    from harness.model.pace import Pace
    from harness.sample import Question

    provider = open_model("openai-api/local/bench", _args(address), CONNECTIONS)
    cache, ledger = Cache(folder / "cache.sqlite"), Ledger()

    async def main() -> None:
        model = Model(
            provider,
            ledger=ledger,
            budget=Budget(),
            cache=cache,
            price=(1.0, 1.0),
            pace=Pace.of(provider),
        )

        async def one(i: int) -> None:
            text = _question(i)
            output = await model.generate(Question(str(i), text), [user(text)], temperature=0.0, max_tokens=8)
            assert output.completion == "lol"
            ledger.take(str(i), 0)

        await _workers(one, n)

    with collected_rarely():
        asyncio.run(main())
    cache.close()
    assert ledger.total.calls == n and not ledger.total.retries


def run_eval(n: int, address: str, folder: Path) -> None:
    """A whole run of harness: answer, score, journal and seal, as the command line does it."""
    sys.path.append(str(HERE))
    from harness.registry import registry
    from harness.results.store import Store
    from harness.run.execute import run_grid
    from harness.run.plan import Cell, Request
    from harness.run.session import Session
    from harness.spec import Param, TaskSpec

    os.environ["HARNESS_CACHE"] = str(folder / "cache")
    params = {"n": Param("n", 1)}
    task = TaskSpec("trivial", "1-A", "trivial", "overhead:Trivial", params=params)
    model = "openai-api/local/bench"
    request = Request("trivial", model=model, model_args=_args(address), max_connections=CONNECTIONS)
    cell = Cell(task, {"n": n}, registry().method("direct"), {}, model, 0, request)
    result = run_grid([cell], Session(Store(folder / "store"))).results[0]
    if result.record is None:
        raise SystemExit(f"harness failed: {result.error}")
    assert result.record["counts"]["ok"] == n


def run_inspect(n: int, address: str, folder: Path) -> None:
    """`Model.generate` of inspect-ai, which is what harness asked with before."""
    from inspect_ai.model import ChatMessageUser, GenerateConfig, get_model

    async def main() -> None:
        config = GenerateConfig(max_connections=CONNECTIONS, temperature=0.0, max_tokens=8)
        model = get_model("openai-api/local/bench", config=config, **_args(address))

        async def one(i: int) -> None:
            output = await model.generate([ChatMessageUser(content=_question(i))])
            assert output.completion == "lol"

        await _workers(one, n)

    asyncio.run(main())


def run_lm_eval(n: int, address: str, folder: Path) -> None:
    """The asynchronous client of lm-eval's `local-chat-completions`, without its tasks and metrics."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.openai_completions import LocalChatCompletion

    os.environ["OPENAI_API_KEY"] = "none"
    model = LocalChatCompletion(
        base_url=f"{address}/chat/completions",
        model="bench",
        num_concurrent=CONNECTIONS,
        tokenizer_backend=None,
        tokenized_requests=False,
    )
    chats = [json.dumps([{"role": "user", "content": _question(i)}]) for i in range(n)]
    settings = {"until": ["\n"], "max_gen_toks": 8, "temperature": 0.0}
    from lm_eval.models.api_models import JsonChatStr

    requests = [
        Instance("generate_until", {}, (JsonChatStr(chat), dict(settings)), i) for i, chat in enumerate(chats)
    ]
    assert set(model.generate_until(requests, disable_tqdm=True)) == {"lol"}


RUNNERS = {
    "aiohttp": run_aiohttp,
    "gateway": run_gateway,
    "eval": run_eval,
    "inspect-ai": run_inspect,
    "lm-eval": run_lm_eval,
}


@contextmanager
def server(delay: float) -> Iterator[str]:
    """The address of a server that answers after so many seconds."""
    command = [sys.executable, str(HERE / "http_server.py"), str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


class Failed(Exception):
    """A client ended in an error; with what it printed."""


def child(
    name: str, n: int, address: str, python: str, connections: int | str = CONNECTIONS
) -> dict[str, float]:
    """CPU seconds, peak memory in MB, calls a second and mean calls in flight of one client on `n` calls."""
    urllib.request.urlopen(address).read()  # begins the counts
    with tempfile.TemporaryDirectory(prefix="http-") as folder:
        log = Path(folder, "child.log")
        root = str(HERE.parent)
        quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": root}
        core = str(max(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ""
        with open(log, "w") as sink:
            command = [python, __file__, "--child", name, str(n), address, folder, core, str(connections)]
            process = subprocess.Popen(
                command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **quiet}
            )
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Failed(f"{name} on {n} calls failed:\n{log.read_text()[-3000:]}")
    counts = json.loads(urllib.request.urlopen(address).read())
    return {
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / 1024,
        "rate": counts["calls"] / counts["seconds"],
        "in_flight": counts["in_flight"],
        "most": counts["most"],
    }


def environment_of_peer() -> str | None:
    """A Python with lm-eval and what its client needs, installed into a folder for temporary files; None
    where that fails, with one line that says why."""
    folder = Path(tempfile.gettempdir(), "harness-bench-lm-eval")
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        steps = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", *PATIENCE, "lm-eval[api]>=0.4.11,<0.5"],
        ]
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode:
                said = (done.stderr.strip() or done.stdout.strip()).splitlines()
                why = next((line for line in said if line.startswith("ERROR")), " ".join(said[-1:]))
                print(f"lm-eval is left out, as it can't be installed: {why[:200]}")
                return None
        (folder / "done").touch()
    return str(python)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="a Python that has lm-eval; without it one is installed apart")
    parser.add_argument("--clients", default=",".join(SIZES), help="which, with commas between")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--memory", action="store_true", help=f"also {MEMORY_AT[1]:,} items, for memory")
    options = parser.parse_args()
    pythons = {name: sys.executable for name in filter(None, options.clients.split(","))}
    if "lm-eval" in pythons:
        peer = options.peer or environment_of_peer()
        pythons = {name: python for name, python in pythons.items() if name != "lm-eval"}
        pythons |= {"lm-eval": peer} if peer else {}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
    with server(DELAY) as address:
        for _ in range(options.rounds):
            for name, python in [*pythons.items()]:
                few, many = SIZES[name]
                try:
                    small, large = child(name, few, address, python), child(name, many, address, python)
                except Failed as failure:
                    if name not in PEERS:
                        raise SystemExit(str(failure)) from None
                    print(f"{name} is left out: {str(failure).strip().splitlines()[-1][:200]}")
                    del pythons[name], found[name]
                    continue
                cost = (large["cpu"] - small["cpu"]) / (many - few)
                found[name].append({**large, "cost": cost})
    middle = {
        name: {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        for name, runs in found.items()
    }
    print(f"{CONNECTIONS} connections, {DELAY * 1000:.0f} ms server, one core, median of {options.rounds}")
    print(f"{'':10}  ms CPU/call  (min - max)      calls/s  in flight")
    for name, of in middle.items():
        costs = [1000 * each["cost"] for each in found[name]]
        spread = f"({min(costs):.2f} - {max(costs):.2f})"
        row = f"{1000 * of['cost']:11.2f}  {spread:15}  {of['rate']:7.0f}  {of['in_flight']:9.0f}"
        print(f"{name:10}  {row}")
    targets: dict[str, bool] = {}
    if "gateway" in middle:
        ours = middle["gateway"]
        targets["at most 0.5 ms of CPU a call, gateway included"] = ours["cost"] <= 0.5e-3
        if "aiohttp" in middle:
            bare = min(2000.0, middle["aiohttp"]["rate"])
            targets["calls/s: at least 60 % of bare aiohttp, up to 2,000"] = ours["rate"] >= 0.6 * bare
    if "eval" in pythons:
        for delay, asked, calls in KEPT_BUSY:
            with server(delay) as address:
                ran = child("eval", calls, address, sys.executable, asked)
                grown = child("eval", calls, address, sys.executable, "auto")
            where = f"a {delay * 1000:.0f} ms server"
            print(
                f"a whole run on {where}: {ran['in_flight']:.1f} of {asked} in flight on average, "
                f"{ran['rate']:.0f} calls/s; auto: {grown['in_flight']:.0f}, at most {grown['most']:.0f}, "
                f"{grown['rate']:.0f} calls/s"
            )
            targets[f"in flight on {where}: at least 90 %"] = ran["in_flight"] >= 0.9 * asked
    if options.memory:
        with server(0.0) as address:
            few, many = (child("eval", n, address, sys.executable)["memory"] for n in MEMORY_AT)
        print(
            f"memory of a whole run: {few:.0f} MB on {MEMORY_AT[0]:,} items, {many:.0f} on {MEMORY_AT[1]:,}"
        )
        targets[f"memory: at most {FLAT} times as much on {MEMORY_AT[1]:,} items"] = many <= FLAT * few
    for target, met in targets.items():
        print(f"{'met   ' if met else 'MISSED'}  {target}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        name, n, address, folder, core, asked = sys.argv[2:8]
        CONNECTIONS = int(asked) if asked.isdecimal() else asked  # type: ignore[assignment]
        sys.path[:] = [
            path for path in sys.path if Path(path or ".").resolve() != HERE
        ]  # beside it stand names of others
        if core:
            os.sched_setaffinity(0, {int(core)})
        RUNNERS[name](int(n), address, Path(folder))
    else:
        main()
