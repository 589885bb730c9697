"""A small store, and what may become of the files of one of its runs: (name, what is done, what is said)."""

import gzip
import json
import os
import shutil
import socket
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from harness.base.digest import digest
from harness.results.schema import result_digest
from harness.testing import seal_scores

#: the baseline's runs, the candidate's, and which of the latter is damaged
SEEDS, VICTIM = 3, 1
CURVE = [{"step": 1, "dev": 0.25}, {"step": 2, "dev": 0.5}]


def build(root):
    """A store of two methods with three runs each; the run that will be damaged."""
    victim = None
    for seed in range(SEEDS):
        scores = [1, 0, 1, seed % 2, 0, 1]
        seal_scores(root, scores, method="direct", seed=seed)
        sealed = seal_scores(root, [*scores[:3], 1, 1, 0], method="vote", seed=seed, curve=CURVE)
        victim = sealed if seed == VICTIM else victim
    return Path(victim["record"]).parent


# -- files -------------------------------------------------------------------------------------------


def cut(name, share):
    def damage(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return damage


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def replaced(name, make):
    def damage(folder):
        (folder / name).unlink()
        make(folder / name)

    return damage


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        where = os.getcwd()
        os.chdir(path.parent)  # a socket's path has at most 107 bytes
        try:
            made.bind(path.name)
        finally:
            os.chdir(where)


def flipped(name, at):
    def damage(folder):
        raw = bytearray((folder / name).read_bytes())
        raw[int(at * len(raw))] ^= 0x41
        (folder / name).write_bytes(raw)

    return damage


def files(name, missing, broken):
    """What a file can become, whatever is in it."""
    return [
        (f"{name} empty", write(name, b""), broken),
        (f"{name} half", cut(name, 0.5), broken),
        (f"{name} all but the end", cut(name, 0.97), broken),
        (f"{name} zeros", write(name, bytes(4096)), broken),
        (f"{name} packed", write(name, gzip.compress(b"{}")), broken),
        (f"{name} gone", lambda folder: (folder / name).unlink(), missing),
        (f"{name} a folder", replaced(name, Path.mkdir), "no regular file"),
        (f"{name} a pipe", replaced(name, os.mkfifo), "no regular file"),
        (f"{name} a socket", replaced(name, a_socket), "no regular file"),
        (f"{name} a device", replaced(name, lambda p: p.symlink_to("/dev/zero")), "no regular file"),
        (f"{name} a loop", replaced(name, lambda p: p.symlink_to(p.name)), "symbolic links"),
        (f"{name} to nowhere", replaced(name, lambda p: p.symlink_to("nowhere")), missing),
    ]


# -- records -----------------------------------------------------------------------------------------


def put(value, *keys):
    def change(record):
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    return change


def put_own(field, key):
    """The value of a field of the record in another."""
    return lambda record: record.update({key: record[field]})


def gone(*keys):
    def change(record):
        for key in keys[:-1]:
            record = record[key]
        del record[keys[-1]]

    return change


def crafted(change):
    """A record that somebody changed and sealed again, digests and all."""

    def damage(folder):
        path = folder / "run.json"
        record = json.loads(path.read_text())
        change(record)
        for part in ("comparability", "subject"):
            if isinstance(record.get(part), dict):
                record[f"{part}_key"] = digest(record[part])
        try:
            record["result_digest"] = result_digest(record)
        except ValueError:  # NaN
            pass
        path.write_text(json.dumps(record))

    return damage


def edited(change):
    """A record that somebody changed, with the digest that it had."""

    def damage(folder):
        path = folder / "run.json"
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(record))

    return damage


def nested(depth):
    found = "deep"
    for _ in range(depth):
        found = [found]
    return found


def text(old, new):
    def damage(folder):
        path = folder / "run.json"
        raw = path.read_text()
        assert old in raw
        path.write_text(raw.replace(old, new, 1))

    return damage


def a_bom(folder):
    path = folder / "run.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


METRIC = ("metrics", "accuracy", "value")
RECORDS = [
    ("a list", write("run.json", b"[]"), "is not a run record"),
    ("null", write("run.json", b"null"), "is not a run record"),
    ("an empty object", write("run.json", b"{}"), "is not a run record"),
    ("a text", write("run.json", b'"run"'), "is not a run record"),
    ("Latin-1", write("run.json", b'{"schema": 4, "model": "\xe9"}'), "can't be read"),
    (
        "a BOM",
        lambda f: write("run.json", b"\xef\xbb\xbf" + (f / "run.json").read_bytes())(f),
        "can't be read",
    ),
    ("100,000 brackets", write("run.json", b"[" * 100_000), "nested too deeply"),
    (
        "60 MB",
        write("run.json", b'{"schema": 4, "model": "' + b"x" * 60_000_000 + b'"}'),
        "too large: more than",
    ),
    ("nothing but a schema", write("run.json", b'{"schema": 4}'), "is broken: it has no 'comparability'"),
    ("900 levels", edited(put(nested(900), "environment", "deep")), "levels"),
    ("a number of 5,000 digits", text('"seed": 1,', f'"seed": 1{"0" * 5000},'), "can't be read"),
    ("a number of 400 digits", text('"seed": 1,', f'"seed": 1{"0" * 400},'), "300 digits"),
    ("1e999", text('"wall_s":', '"more": 1e999, "wall_s":'), "no number of JSON"),
    ("NaN in a metric", crafted(put(float("nan"), *METRIC)), "no number of JSON"),
    ("infinity in a metric", crafted(put(float("inf"), *METRIC)), "no number of JSON"),
    ("NaN where nothing is hashed", crafted(put(float("nan"), "volatile", "wall_s")), "no number of JSON"),
    ("half a character", crafted(put("\ud800", "model")), "half a character"),
    ("half a character as a key", crafted(put(1, "reasons", "\udfff")), "half a character"),
    ("a newer schema", crafted(put(99, "schema")), "upgrade it"),
    ("schema true", crafted(put(True, "schema")), "is not a run record"),
    ("schema 0", crafted(put(0, "schema")), "is not a run record"),
    ("schema 1.0", crafted(put(1.0, "schema")), "is not a run record"),
    ("schema 1 of what is none", crafted(put(1, "schema")), "is broken"),
    ("a changed number", edited(put(0.9, *METRIC)), "changed after it was sealed"),
    ("a changed seed", edited(put(7, "seed")), "changed after it was sealed"),
    ("another key", edited(put("0" * 64, "comparability_key")), "changed after it was sealed"),
    ("an empty usage", crafted(put({}, "usage")), "usage.calls"),
    ("usage null", crafted(put(None, "usage")), "is broken"),
    ("calls as text", crafted(put("6", "usage", "calls")), "usage.calls"),
    ("calls true", crafted(put(True, "usage", "calls")), "usage.calls"),
    ("calls below 0", crafted(put(-1, "usage", "calls")), "usage.calls"),
    ("a cost below 0", crafted(put(-0.5, "usage", "cost_usd")), "usage.cost_usd"),
    ("a purpose without numbers", crafted(put([], "usage", "by_purpose", "answer")), "usage.by_purpose"),
    ("volatile empty", crafted(put({}, "volatile")), "volatile.wall_s"),
    ("environment null", crafted(put(None, "environment")), "environment"),
    ("environment empty", crafted(put({}, "environment")), "environment.harness"),
    ("metrics a list", crafted(put([], "metrics")), "is broken"),
    ("a metric that is a number", crafted(put(0.5, "metrics", "accuracy")), "is broken"),
    ("a value as text", crafted(put("0.5", *METRIC)), "metrics.accuracy.value"),
    ("a value true", crafted(put(True, *METRIC)), "metrics.accuracy.value"),
    ("a value outside", crafted(put(1.5, *METRIC)), "outside 0.0 to 1"),
    ("an interval of 3", crafted(put([0, 0.5, 1], "metrics", "accuracy", "ci")), "metrics.accuracy.ci"),
    ("an interval of text", crafted(put(["0", "1"], "metrics", "accuracy", "ci")), "metrics.accuracy.ci"),
    ("no primary metric", crafted(put({}, "metrics")), "without a value of accuracy"),
    ("counts empty", crafted(put({}, "counts")), "counts."),
    ("counts that don't add up", crafted(put(2, "counts", "ok")), "number of attempts"),
    ("counts beyond 64 bits", crafted(put(2**70, "counts", "attempts")), "counts.attempts"),
    ("a seed beyond 64 bits", crafted(put(2**70, "seed")), "seed"),
    ("a seed as text", crafted(put("1", "seed")), "seed"),
    ("epochs null", crafted(put(None, "epochs")), "epochs"),
    ("n_items below 0", crafted(put(-6, "n_items")), "n_items"),
    ("status unknown", crafted(put("finished", "status")), "status"),
    ("task a text", crafted(put("simulated", "task")), "is broken"),
    ("task without a name", crafted(gone("task", "name")), "task.name"),
    ("method null", crafted(put(None, "method")), "is broken"),
    ("arguments a list", crafted(put([], "method", "args")), "is broken"),
    ("model a number", crafted(put(7, "model")), "model"),
    ("subject a list", crafted(put([], "subject")), "is broken"),
    ("subject empty", crafted(put({}, "subject")), "subject.method"),
    ("decoding null", crafted(put(None, "subject", "decoding")), "subject.decoding"),
    ("a role that is a text", crafted(put({"judge": "me"}, "comparability", "roles")), "is broken"),
    ("comparability empty", crafted(put({}, "comparability")), "comparability.task"),
    ("limit as text", crafted(put("3", "comparability", "limit")), "comparability.limit"),
    ("another task in its key", crafted(put("arc1d", "comparability", "task")), "in its key"),
    ("another method in its key", crafted(put("other", "subject", "method")), "in its key"),
    ("another model in its key", crafted(put("other", "subject", "model")), "in its key"),
    ("data a text", crafted(put("x", "data")), "data"),
    ("access as text", crafted(put({"train": "9"}, "data_access")), "data_access.train"),
    ("access below 0", crafted(put({"train": -9}, "data_access")), "data_access.train"),
    ("code a text", crafted(put("x", "code", "method")), "code.method"),
    ("a field that is none", crafted(put(1, "surprise")), "surprise"),
    ("no status", crafted(gone("status")), "status"),
    ("no counts", crafted(gone("counts")), "counts"),
    ("no metrics", crafted(gone("metrics")), "is broken"),
    ("no samples", crafted(gone("samples")), "samples"),
    ("samples elsewhere", crafted(put("/etc/passwd", "samples", "file")), "samples.file"),
    ("samples far above", crafted(put("../../../../x.parquet", "samples", "file")), "samples.file"),
    ("samples the folder", crafted(put("..", "samples", "file")), "samples.file"),
    ("a curve elsewhere", crafted(put("../../x", "curve", "file")), "curve.file"),
    ("a run id that is a path", crafted(put("../../../x", "run_id")), "run_id"),
    ("another run's id", crafted(put("e" * 64, "run_id")), "its own folder"),
    ("a run id null", crafted(put(None, "run_id")), "run_id"),
    ("supersedes a number", crafted(put(3, "supersedes")), "supersedes"),
    ("planned a text", crafted(put("x", "planned")), "planned"),
    ("epochs 0", crafted(put(0, "epochs")), "epochs: Input should be greater than or equal to 1"),
    ("a time below 0", crafted(put(-1.0, "volatile", "wall_s")), "volatile.wall_s"),
    ("thrown away below 0", crafted(put(-1, "volatile", "thrown_calls")), "volatile.thrown_calls"),
    ("an error below 0", crafted(put(-0.1, "metrics", "accuracy", "stderr")), "metrics.accuracy.stderr"),
    ("a price below 0", crafted(put({"m": {"input": -1.0, "output": 0.0}}, "prices")), "prices.m.input"),
    ("no time", crafted(put("yesterday", "created_at")), "created_at is 'yesterday', which is no time"),
    ("supersedes itself", crafted(put_own("run_id", "supersedes")), "supersedes itself"),
    ("supersedes a path", crafted(put("../x", "supersedes")), "supersedes: String should match"),
    ("a turned interval", crafted(put([0.9, 0.1], "metrics", "accuracy", "ci")), "doesn't hold its value"),
    ("an interval beside", crafted(put([0.8, 0.9], "metrics", "accuracy", "ci")), "doesn't hold its value"),
    ("no interval of a kind", crafted(put(None, "metrics", "accuracy", "ci")), "no interval, made by"),
    ("more items than there are", crafted(put(7, "metrics", "accuracy", "n_items")), "is of 7 items"),
    ("more clusters than items", crafted(put(9, "metrics", "accuracy", "n_clusters")), "clusters than items"),
    ("a scored mean outside", crafted(put(2.0, "metrics", "accuracy", "scored_only")), "is outside 0.0 to 1"),
    ("more without an answer than ok", crafted(put(7, "counts", "no_answer")), "attempts are no_answer"),
    ("more attempts than asked", crafted(put(5, "n_items")), "more attempts than items and epochs"),
    ("a turned range", crafted(put(2.0, "metric_ranges", "accuracy", "low")), "range of accuracy is from 2"),
    ("planned for 0 epochs", crafted(put(0, "planned", "epochs")), "planned.epochs"),
    ("a chance of 2", crafted(put(2.0, "planned", "power")), "planned.power"),
    ("ranges of text", crafted(put({"low": "0"}, "metric_ranges", "accuracy")), "metric_ranges"),
]


# -- attempts ----------------------------------------------------------------------------------------


def attempts(change):
    def damage(folder):
        path = folder / "samples.parquet"
        parquet.write_table(change(parquet.read_table(path)), path)

    return damage


def values(name, made):
    def change(table):
        return table.set_column(table.schema.names.index(name), name, made(table[name]))

    return attempts(change)


def typed(kind):
    return lambda column: column.cast(kind)


CHANGED = "changed after it was sealed"
ATTEMPTS = [
    ("a row less", attempts(lambda t: t.slice(1)), CHANGED),
    ("a row twice", attempts(lambda t: pa.concat_tables([t, t.slice(0, 1)])), CHANGED),
    ("no row", attempts(lambda t: t.slice(0, 0)), CHANGED),
    ("another order", attempts(lambda t: t.take(list(range(len(t)))[::-1])), CHANGED),
    ("no score", attempts(lambda t: t.drop_columns(["accuracy"])), CHANGED),
    ("no items", attempts(lambda t: t.drop_columns(["item_digest"])), CHANGED),
    ("no columns", attempts(lambda t: t.select([])), CHANGED),
    ("one column more", attempts(lambda t: t.append_column("more", [["x"] * len(t)])), CHANGED),
    ("a column twice", attempts(lambda t: t.append_column("status", t["status"])), "can't be read"),
    ("other columns", attempts(lambda t: pa.table({"a": [1], "b": [{"c": 2}]})), CHANGED),
    ("scores as text", values("accuracy", typed(pa.string())), CHANGED),
    ("whole scores", values("accuracy", typed(pa.int64())), CHANGED),
    ("other scores", values("accuracy", lambda c: pa.array([1.0] * len(c))), CHANGED),
    ("NaN scores", values("accuracy", lambda c: pa.array([float("nan")] * len(c))), "can't be read"),
    ("no score each", values("accuracy", lambda c: pa.array([None] * len(c), pa.float64())), CHANGED),
    ("bytes", values("sample_id", typed(pa.binary())), "can't be read"),
    ("dates", values("epoch", lambda c: pa.array([0] * len(c), pa.timestamp("s"))), "can't be read"),
    ("another answer", values("answer", lambda c: pa.array(["x"] * len(c))), CHANGED),
    ("text", write("samples.parquet", b"sample_id,accuracy\n1,1\n"), "can't be read"),
    ("a page damaged", flipped("samples.parquet", 0.1), "samples.parquet"),
    ("the footer damaged", flipped("samples.parquet", 0.95), "samples.parquet"),
]
CURVES = [
    ("another value", write("curve.jsonl", b'{"step":1,"dev":0.75}\n'), CHANGED),
    ("NaN", write("curve.jsonl", b'{"step":1,"dev":NaN}\n'), "can't be read"),
    ("a list", write("curve.jsonl", b"[1]\n"), "can't be read"),
    ("levels", write("curve.jsonl", b"[" * 100_000 + b"\n"), "can't be read"),
]


# -- folders -----------------------------------------------------------------------------------------


def a_copy(folder):
    """The run once more, where another task's runs lie."""
    shutil.copytree(folder, folder.parents[4] / "zz/1/vote/sim__model" / folder.name)


def renamed(folder):
    folder.rename(folder.with_name("0" * 12))


def emptied(folder):
    for path in folder.iterdir():
        path.unlink()


def a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("")


def looped(folder):
    (folder.parents[4] / "aa").symlink_to("aa")


FOLDERS = [
    ("a copy", a_copy, "has already"),
    ("another name", renamed, "its own folder"),
    ("emptied", emptied, "has no run.json"),
    ("a loop of folders", looped, "symbolic links"),
]
#: what harms no run: the store is sound as it is
HARMLESS = [
    ("litter", lambda folder: (folder.parent / "note.txt").write_text("x"), 6),
    ("a folder of others", lambda folder: (folder.parent / "notes").mkdir(), 6),
    ("a run removed", shutil.rmtree, 5),
    ("a file in a run's place", a_file, 5),
    ("a file more", write("more.bin", b"\0"), 6),
]

RECORD = [
    *files("run.json", "has no run.json", "can't be read|is not a run record"),
    *RECORDS,
    *FOLDERS,
]
BESIDE = [
    *files("samples.parquet", "can't be read", "can't be read"),
    *((f"attempts: {name}", damage, says) for name, damage, says in ATTEMPTS),
    *files("curve.jsonl", "can't be read", f"can't be read|{CHANGED}"),
    *((f"curve: {name}", damage, says) for name, damage, says in CURVES),
]
