"""The files of a site: the same for the same records, complete, escaped, checked."""

import csv
import io
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from harness.base.errors import UsageError
from harness.leaderboard import site as sites
from harness.leaderboard.tables import tables

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """Elements, links and scripts of a page, and whether its tags are balanced."""

    def __init__(self, path):
        super().__init__()
        self.open, self.links, self.scripts, self.ids, self.attributes = [], [], [], [], []
        self.feed(path.read_text("utf-8"))
        assert self.open == [], f"{path}: {self.open} left open"

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        assert len(values) == len(attrs), attrs
        self.attributes += values.items()
        self.links += [values[name] for name in ("href", "src") if name in values]
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "script":
            self.scripts.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"stray </{tag}> at {self.getpos()}"


def pages(site):
    return sorted(site.rglob("*.html"))


def content(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_records_make_the_same_bytes_wherever_they_lie(store, site, tmp_path):
    copy = shutil.copytree(store, tmp_path / "elsewhere")
    sites.build(copy, tmp_path / "site")
    assert content(tmp_path / "site") == content(site)
    assert sites.check(copy, site) == []


def test_many_runs_are_spread_over_processes_to_the_same_end(store, site, tmp_path, monkeypatch):
    monkeypatch.setattr(sites, "MANY", 1)
    sites.build(store, tmp_path / "site")
    assert content(tmp_path / "site") == content(site)


def test_check_names_what_was_changed_lost_or_left_over(store, site, tmp_path):
    copy = shutil.copytree(site, tmp_path / "site")
    (copy / "tables/leaderboard.md").write_text("better")
    (copy / "tasks/arc1d.html").unlink()
    (copy / "runs/old.html").write_text("")
    assert sites.check(store, copy) == ["runs/old.html", "tables/leaderboard.md", "tasks/arc1d.html"]


@pytest.mark.parametrize("kind", ["site", "hostile"])
def test_pages_are_balanced_and_every_link_leads_somewhere(kind, request, tmp_path):
    folder = request.getfixturevalue(kind)
    if kind == "hostile":
        sites.build(folder, tmp_path / "site")
        folder = tmp_path / "site"
    parsed = {path: Page(path) for path in pages(folder)}
    assert len(parsed) > 10
    for path, page in parsed.items():
        assert len(page.ids) == len(set(page.ids)), f"{path}: ids repeat"
        for link in page.links:
            parts = urlsplit(link)
            if link.startswith("data:image/svg+xml,"):
                continue
            assert not parts.scheme and not parts.netloc, f"{path} reaches out to {link}"
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_relative_to(folder.resolve()) and target.is_file(), f"{path}: {link}"
            if parts.fragment and target in parsed:
                assert parts.fragment in parsed[target].ids, f"{path}: {link}"


def test_no_script_but_ours_and_no_handler_in_any_attribute(hostile, tmp_path):
    sites.build(hostile, tmp_path / "site")
    for path in pages(tmp_path / "site"):
        page = Page(path)
        for script in page.scripts:
            ours = re.fullmatch(r"(\.\./)?assets/[a-z.]+\.js", script.get("src", ""))
            assert ours or script == {"type": "application/json"}, script
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        text = path.read_text("utf-8")
        assert "<img" not in text and "49" not in re.findall(r"<h1>(.*?)</h1>", text)
    for path in (tmp_path / "site/attempts").glob("*.js"):
        assert "<" not in path.read_text("utf-8")


def test_hostile_names_stay_inside_the_tables(hostile):
    made = tables(sites.load(hostile))
    markdown = made["leaderboard.md"]
    assert "<script" not in markdown and "<img" not in markdown and "](javascript:" not in markdown
    for table in re.findall(r"(?:^\|.*\n)+", markdown, flags=re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    for line in made["leaderboard.tex"].splitlines():
        if line.endswith(r"\\") and not line.startswith("%"):
            assert len(re.findall(r"(?<!\\)&", line)) == 15 and "\\input" not in line
            assert not re.search(r"(?<!\\)[%#$]", line)
    rows = list(csv.DictReader(io.StringIO(made["leaderboard.csv"])))
    assert len(rows) == 12 and {row["model"] for row in rows} == {
        run["model_info"]["name"] for run in map(json.loads, made["every_eval_ever.jsonl"].splitlines())
    }


def test_tables_hold_every_row_and_never_mix_keys(store):
    board = sites.load(store)
    made = tables(board)
    rows = list(csv.DictReader(io.StringIO(made["leaderboard.csv"])))
    assert [row["subject_key"] for row in rows] == [entry.arm.subject_key for entry in board.entries]
    assert [float(row["value"]) for row in rows] == [entry.value for entry in board.entries]
    assert made["leaderboard.md"].count("\n| --- ") == len(board.sections)
    assert made["leaderboard.tex"].count(r"\toprule") == len(board.sections)
    assert made["every_eval_ever.jsonl"].count("\n") == len(board.held.records)


def test_validation_scores_stand_beside_the_headline_and_say_what_they_are(store, site):
    (made,) = [
        row
        for row in csv.DictReader(io.StringIO(tables(sites.load(store))["leaderboard.csv"]))
        if (row["method"], row["model"]) == ("vote", "test/small")
    ]
    assert (float(made["validation_last"]), float(made["validation_peak"])) == (pytest.approx(0.37),) * 2
    assert made["validation_peak_steps"] == "60 60" and float(made["value"]) > 0.8
    for page in ("index", "tasks/sums", "methods/vote"):
        text = (site / f"{page}.html").read_text()
        assert "validation, not test: mean over runs" in text and "<small>step 60</small>" in text
    assert "validation, last" not in (site / "tasks/arc1d.html").read_text()
    markdown = tables(sites.load(store))["leaderboard.md"]
    assert "| validation (not test), last |" in markdown and "| 0.370 (step 60) |" in markdown


def tampered_record(folder):
    path = folder / "run.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))


def tampered_attempts(folder):
    import pyarrow.parquet as parquet

    table = parquet.read_table(folder / "samples.parquet")
    names = table.column("completion").to_pylist()
    changed = table.set_column(table.column_names.index("completion"), "completion", [names[::-1]])
    parquet.write_table(changed, folder / "samples.parquet")


def newer_schema(folder):
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))


def lost_attempts(folder):
    (folder / "samples.parquet").unlink()


def tampered_curve(folder):
    path = folder / "curve.jsonl"
    path.write_text(path.read_text().replace("0.5", "0.6"))


def torn_record(folder):
    (folder / "run.json").write_text("{")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (tampered_record, "was changed after it was sealed"),
        (tampered_attempts, "was changed after it was sealed"),
        (newer_schema, "has schema 99"),
        (lost_attempts, "can't be read"),
        (tampered_curve, "was changed after it was sealed"),
        (torn_record, "can't be read"),
    ],
)
def test_what_cant_be_trusted_is_named_and_left_out(seal_run, tmp_path, harm, says):
    root, target = tmp_path / "results", tmp_path / "site"
    seal_run(root, [1.0, 0.0, 1.0, 1.0])
    curve = [{"step": 1, "dev": 0.5}]
    bad = Path(seal_run(root, [0.0, 0.0, 1.0, 1.0], method="vote", curve=curve)["record"]).parent
    sites.build(root, target)
    assert (target / f"runs/{bad.name}.html").exists()
    harm(bad)
    assert "index.html" in sites.check(root, target)
    board = sites.build(root, target)
    assert [entry.arm.method for entry in board.entries] == ["direct"]
    ((where, fault),) = board.held.faults.items()
    assert where == bad.relative_to(root).as_posix() and says in fault and str(tmp_path) not in fault
    for name in ("index.html", "runs/index.html"):
        assert "invalid" in (target / name).read_text() and where in (target / name).read_text()
    assert not (target / f"runs/{bad.name}.html").exists()
    assert "vote" not in (target / "tables/leaderboard.csv").read_text()
    assert sites.check(root, target) == []


def test_a_later_attempt_takes_the_place_of_the_first(seal_run, tmp_path):
    seal_run(tmp_path / "results", [1.0, 0.0])
    seal_run(tmp_path / "results", [1.0, 1.0])
    board = sites.build(tmp_path / "results", tmp_path / "site")
    assert [entry.value for entry in board.entries] == [1.0] and board.held.superseded == 1
    assert "1 older record superseded" in (tmp_path / "site/index.html").read_text()
    assert len(list((tmp_path / "site/runs").glob("*-2.html"))) == 1


def test_an_empty_store_and_a_single_run_make_a_site(seal_run, tmp_path):
    (tmp_path / "results").mkdir()
    sites.build(tmp_path / "results", tmp_path / "site")
    assert "No complete run yet" in (tmp_path / "site/index.html").read_text()
    seal_run(tmp_path / "results", [1.0])
    sites.build(tmp_path / "results", tmp_path / "site")
    assert "alone" in (tmp_path / "site/index.html").read_text()
    assert sites.check(tmp_path / "results", tmp_path / "site") == []


def test_stopped_and_simulated_runs_are_labelled(site, store):
    text = (site / "tasks/arc1d.html").read_text()
    assert ">stopped</span>" in text and ">simulated</span>" in text
    stopped = next(path for path in store.rglob("run.json") if '"stopped"' in path.read_text())
    page = (site / f"runs/{stopped.parent.name}.html").read_text()
    assert "--budget-calls" in page


def test_a_run_page_shows_where_the_run_comes_from(site, store):
    for path in store.rglob("run.json"):
        record = json.loads(path.read_text())
        text = (site / f"runs/{record['run_id'][:12]}.html").read_text()
        for shown in ("run_id", "comparability_key", "subject_key", "result_digest"):
            assert record[shown] in text
        assert record["samples"]["digest"] in text and "answer" in text


def test_attempts_beyond_the_limit_are_counted_not_shown(seal_run, tmp_path):
    seal_run(tmp_path / "results", [1.0] * 9, completion=lambda n: "y" * 50_000)
    sites.build(tmp_path / "results", tmp_path / "site", sites.Options(shown=4))
    (script,) = (tmp_path / "site/attempts").glob("*.js")
    data = json.loads(script.read_text().removeprefix("window.harnessAttempts=").rstrip(";\n"))
    assert len(data["rows"]) == 4 and data["total"] == 9
    (completion,) = {row[data["fields"].index("completion")] for row in data["rows"]}
    assert len(completion) < 21_000 and "30,000 more characters" in completion


def test_nothing_of_a_readers_own_is_overwritten_or_removed(store, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        sites.build(store, tmp_path)
    assert content(tmp_path) == {"thesis.tex": b"mine"}
    with pytest.raises(UsageError, match="no result store"):
        sites.build(tmp_path / "none", tmp_path / "site")


def test_an_interrupted_build_can_be_repeated(store, site, tmp_path, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sites.pages, "overview", fail)
    with pytest.raises(KeyboardInterrupt):
        sites.build(store, tmp_path / "site")
    monkeypatch.undo()
    sites.build(store, tmp_path / "site")
    assert content(tmp_path / "site") == content(site)


@pytest.mark.parametrize("files", [0, 3])
def test_a_build_that_was_killed_can_be_built_again(store, site, tmp_path, files):
    """Killed before the first file, after it, and among others: nobody wrote down what was left."""
    target, known = tmp_path / "site", set()
    child = os.fork()
    if not child:
        write, written = Path.write_bytes, []

        def killed(path, content):
            if len(written) == files:
                os._exit(9)
            written.append(path)
            return write(path, content)

        Path.write_bytes = killed
        sites.build(store, target)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    known = {path for path in target.rglob("*") if path.is_file() and path.name != sites.UNFINISHED}
    assert len(known) == files + 1  # and the manifest
    stale = target / "runs" / "stale.html"
    if files:  # a page of a run that has gone since is known for a page, too
        with open(target / sites.UNFINISHED, "a") as names:
            names.write('"runs/stale.html"\n"half a li')
        stale.parent.mkdir(exist_ok=True)
        stale.write_text("x")
    sites.build(store, target)
    assert sites.check(store, target) == [] and not stale.exists()
    assert not (target / sites.UNFINISHED).exists()


@pytest.mark.parametrize("at", [0, 1])
def test_a_build_that_was_killed_over_its_manifest_can_be_built_again(store, site, tmp_path, at):
    """Before its name was in place: at the beginning, and at the end."""
    target, child = tmp_path / "site", os.fork()
    if not child:
        replace, moved = Path.replace, []

        def killed(path, to):
            moved.append(path)
            return os._exit(9) if len(moved) > at else replace(path, to)

        Path.replace = killed
        sites.build(store, target)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    sites.build(store, target)
    assert content(target) == content(site)
