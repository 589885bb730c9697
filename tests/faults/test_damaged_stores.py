"""Every damage to a store through every command that reads one: one line names it, everything else goes on,
and the exit code says what became of it."""

import re
import shutil

import pytest

from harness.testing import seal_scores
from tests.damages import BESIDE, HARMLESS, RECORD, a_copy, build, looped
from tests.harness.cli.conftest import command as command  # noqa: F401  (a fixture)

pytestmark = pytest.mark.faults

CASES = [*RECORD, *BESIDE, *((f"no harm: {name}", damage, "") for name, damage, _ in HARMLESS)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store, the folder of the run that will be damaged in copies of it, and a baseline of other runs."""
    from harness.gate.baseline import set_baseline
    from harness.results.index import read_index

    root = tmp_path_factory.mktemp("sound") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(root.parent / "cache"))
        folder = build(root)
        for seed in range(10, 13):
            seal_scores(root.with_name("reference"), [1, 0, 1, 1, 1, 0], method="vote", seed=seed)
        rows = read_index(root.with_name("reference")).rows
        path = set_baseline(root.with_name("reference"), "main", rows)
    return root, folder.relative_to(root), path


@pytest.mark.parametrize(("name", "damage", "says"), [pytest.param(*case, id=case[0]) for case in CASES])
def test_a_damage_through_every_command(command, sound, tmp_path, name, damage, says):
    root, folder, baseline = sound
    store = tmp_path / "store"
    shutil.copytree(root, store)
    run = folder.name
    damage(store / folder)
    whole = not says or damage in (a_copy, looped)
    of_record = whole or any(name == case[0] for case in RECORD)
    curve, attempts = "curve" in name and not of_record, "curve" not in name and not of_record
    there = whole and (store / folder).is_dir()

    def go(*arguments, codes=(0,)):
        done = command(*arguments, "--store", str(store))
        assert done.code in codes, (arguments, done)
        for text in (done.out, done.err):
            assert "Traceback" not in text and "\x1b" not in text, done
        return done

    def named(done):
        lines = [line for line in done.err.splitlines() if re.search(says, line)] if says else []
        assert bool(lines) == bool(says), done
        return done

    verified = go("results", "verify", codes=(1,) if says else (0,))
    assert len(verified.out.splitlines()) == (2 if says else 1) and re.search(says, verified.out)
    listed = go("results", "list")
    assert listed.out.count("run.json") == (6 if there or curve or attempts else 5)
    shown = go("show", run, codes=(0, 2))
    assert (shown.code == 0) == (there or curve or attempts) or "a copy" in name
    go("results", "list", "--json")
    for form in ("csv", "json", "markdown", "latex", "eee"):
        done = go("results", "export", "--format", form)
        if of_record:
            named(done)
    exported = go("results", "export", "--format", "csv").out
    assert exported.count("simulated,") == 2 * (6 if there or curve or attempts else 5) // 2
    curves = go("results", "export", "--curves", "--format", "csv")
    assert curves.out.count("simulated,") == (6 if there or attempts else 4)
    compared = go("compare", "--baseline", "direct")
    if not curve:
        named(compared)
    assert "vote x sim/model" in compared.out
    checked = go("check", "--baseline", str(baseline), "--margin", "20%", codes=(0, 1, 3, 5))
    if of_record:
        named(checked)
    if attempts:
        assert checked.code == 5 and re.search(says, checked.out)
    rebuilt = go("results", "rebuild")
    if of_record:
        named(rebuilt)
    go("results", "clean")
    go("eval", "--task", "arc1d", "-T", "level=1", "--limit", "2", "--model", "echo/1", "--offline")
    site = named(go("leaderboard", "build", "--out", str(tmp_path / "site")))
    assert (tmp_path / "site/index.html").is_file() and "runs, " in site.out


def test_the_index_is_not_believed_by_any_command(command, sound, tmp_path):
    root, *_ = sound
    store = tmp_path / "store"
    shutil.copytree(root, store)

    def tables():
        export = command("results", "export", "--store", str(store))
        compared = command("compare", "--baseline", "direct", "--store", str(store))
        command("results", "rebuild", "--store", str(store))
        return export.out, compared.out, (store / "tables/results.csv").read_text()

    before = tables()
    (path,) = (store / ".index").glob("rows.*.json")
    text = path.read_text()
    for old, new in ((r'"value": 0\.\d+', '"value": 0.9'), (r'"ok": 6', '"ok": 60'), ("vote", "best")):
        assert re.search(old, text)
        path.write_text(re.sub(old, new, text))
        assert tables() == before
