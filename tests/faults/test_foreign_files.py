"""Files of others, damaged and crafted at random: each is read, or ends with one line, and never for long."""

import copy
import gzip
import io
import json
import random
import time

import pytest

from harness.base.errors import HarnessError
from harness.data.responses import read_responses, read_results, results_names
from harness.data.tables import read_table

pytestmark = pytest.mark.faults


def deep(height):
    found = 1
    for _ in range(height):
        found = [found]
    return found


JUNK = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        -(10**300),
        float("nan"),
        float("inf"),
        "",
        "\x1b[31m",
        "\ud800",
    ),
    *("\0", "../../x", "x" * 5000, [], {}, [[]], {"a": [1]}, deep(600), [None], {"": None}),
]
RESULTS = [
    (
        "tau_bench",
        "t.json",
        [
            {
                "task_id": 0,
                "trial": 0,
                "reward": 1.0,
                "info": {},
                "traj": [{"content": "# airline agent policy"}],
            }
        ],
    ),
    (
        "tau2",
        "t2.json",
        {
            "info": {
                "agent_info": {"implementation": "llm_agent"},
                "environment_info": {"domain_name": "airline"},
            },
            "tasks": [{"id": "0"}],
            "simulations": [{"task_id": "0", "trial": 0}],
        },
    ),
    ("bfcl", "BFCL_v4_simple_python_result.json", [{"id": "s", "result": "[f()]", "input_token_count": 1}]),
    (
        "bfcl",
        "j.jsonl",
        [{"id": "s", "category": "c", "mode": "FC", "function": [], "question": [], "result": "x"}],
    ),
]


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def with_junk(document, path, junk):
    if not path:
        return junk
    made = copy.deepcopy(document)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = junk
    return made


@pytest.mark.parametrize(("task", "name", "document"), RESULTS, ids=[name for _, name, _ in RESULTS])
def test_result_files_of_benchmarks(tmp_path, task, name, document):
    module, tried = f"harness.tasks.{task}.results", 0
    for n, path in enumerate(places(document)):
        for m, junk in enumerate(JUNK):
            folder = tmp_path / f"{n}-{m}"
            folder.mkdir()
            made = with_junk(document, path, junk)
            lines = task == "bfcl" and isinstance(made, list)
            (folder / name).write_text("\n".join(map(json.dumps, made)) if lines else json.dumps(made))
            tried += 1
            try:
                for found in results_names(module, folder / name):
                    read_results(module, folder / name, found)
            except HarnessError as error:
                assert str(error).isprintable()
    assert tried > 100


def sound():
    """Tables in every format, as bytes by name."""
    import pandas

    rows = [{"sample_id": f"s{n}", "epoch": n % 2, "completion": f"text {n}, é"} for n in range(40)]
    frame = pandas.DataFrame(rows)
    made = {
        "a.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "a.json": json.dumps(rows).encode(),
        "a.csv": frame.to_csv(index=False).encode(),
        "a.tsv": frame.to_csv(index=False, sep="\t").encode(),
        "a.jsonl.gz": gzip.compress("\n".join(map(json.dumps, rows)).encode()),
    }
    for name, write in (
        ("a.parquet", frame.to_parquet),
        ("a.feather", frame.to_feather),
        ("a.xlsx", lambda sink: frame.to_excel(sink, index=False)),
    ):
        sink = io.BytesIO()
        write(sink)
        made[name] = sink.getvalue()
    return made


def damaged(raw, random):
    """The bytes with some of them changed, left out, doubled or put elsewhere."""
    made = bytearray(raw)
    for _ in range(random.randint(1, 8)):
        at, other = random.randrange(len(made)), random.randrange(len(made))
        kind = random.randrange(5)
        if kind == 0:
            made[at] = random.randrange(256)
        elif kind == 1:
            del made[min(at, other) : max(at, other)]
            made = made or bytearray(b"\0")
        elif kind == 2:
            made[at:at] = made[at : at + random.randint(1, 200)]
        elif kind == 3:
            made[at : at + 4] = random.choice([b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff"])
        else:
            made[at:at] = random.choice([b"\x1b[2J", b'"', b"{", b"[[[[", b"\n\n", b"\xed\xa0\x80", b"1e999"])
    return bytes(made)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_tables(tmp_path, seed):
    chance = random.Random(seed)
    for name, raw in sound().items():
        for n in range(60):
            path = tmp_path / f"{n}-{name}"
            path.write_bytes(damaged(raw, chance))
            for read in (read_table, read_responses):
                started = time.monotonic()
                try:
                    read(path)
                except HarnessError as error:
                    assert str(error).isprintable(), (seed, name, n)
                assert time.monotonic() - started < 20, (seed, name, n)
