"""Commands that are killed at random moments and begun again: they end where an undisturbed one ends, nothing
that was finished is lost or there twice, and no call is paid for again but those that were under way.

A few kills of each kind by default; `make faults` makes hundreds.
"""

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from harness.results.store import Store, standing
from harness.results.verify import verify_store
from tests.harness.cli.conftest import endpoint as endpoint  # noqa: F401  (a fixture)

ITEMS, AT_ONCE = 40, 6
#: calls of both methods: one for each item, and a vote of two
WANTED = ITEMS * (1 + 2)

TASK = """
from harness import Question, Sample, Splits, Task

class Words(Task):
    def load(self, data):
        return Splits(test=[Sample(Question(str(n), f"word {n}"), f"word {n % 7}") for n in range(60)])

    def correct(self, answer, sample):
        return answer == sample.target
"""
SPEC = """
version = "1-A"
entry = "words.task:Words"
answer = "text"

[task.words]
summary = "words, some of which are right"
n_items = 60
"""


def install(place):
    """A package with a task, in a folder of the path."""
    (place / "words").mkdir()
    (place / "words" / "__init__.py").touch()
    (place / "words" / "task.py").write_text(TASK)
    (place / "words" / "task.toml").write_text(SPEC)
    (place / "words-1.dist-info").mkdir()
    (place / "words-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: words\nVersion: 1\n")
    (place / "words-1.dist-info" / "entry_points.txt").write_text("[harness.plugins]\nwords = words\n")


class Victims:
    """Commands in folders of their own, some of which are killed."""

    def __init__(self, warm, place, seed):
        self._warm, self.place, self.random = warm, place, random.Random(seed)
        self.kills = 0
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
        self.environment = {**kept, "HARNESS_CACHE": str(place / "cache"), "PYTHONPATH": str(place)}

    def start(self, arguments):
        return self._warm.start(["-m", "harness", *arguments], self.place, self.environment)

    def whole(self, arguments, codes=(0,)):
        """Runs it to its end; the seconds that it took."""
        began, process = time.monotonic(), self.start(arguments)
        _, said = process.communicate(timeout=240)
        assert process.returncode in codes and "Traceback" not in said, said
        return time.monotonic() - began

    def kill(self, arguments, seconds, begun=lambda: True):
        """Starts it and kills it within so many seconds from when it has `begun`; whether it still ran."""
        process = self.start(arguments)
        until = time.monotonic() + 240
        while not begun() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.0005)
        time.sleep(self.random.uniform(0, seconds))
        running = process.poll() is None
        process.kill() if running else None
        process.wait()
        self.kills += running
        return running


@pytest.fixture
def victims(warm, tmp_path):
    """Makes them in folders below that of the test."""

    def make(seed=0, name="place"):
        (tmp_path / name).mkdir(exist_ok=True)
        return Victims(warm, tmp_path / name, seed)

    return make


def sealed(root):
    """What is in force in a store, by run: the digest of its result, and why it was corrected."""
    assert verify_store(root)[0] == []
    found = standing(Store(root).sound()).in_force
    return sorted((each["run_id"], each["result_digest"], each["reason"] or "") for each in found)


def litter(root):
    """What a process left that another has to take away: answers of a run that is sealed, half a seal."""
    left = [*root.glob(".running/*/samples.jsonl"), *root.glob(".running/seal-*")]
    return [str(path.relative_to(root)) for path in left]


def times(few, many):
    """A number of kills in the tests by default, and one in the campaign."""
    at_length = pytest.param(many, marks=[pytest.mark.faults, pytest.mark.timeout(3 * 3600)])
    return pytest.mark.parametrize("kills", [few, at_length])


def evaluation(endpoint, store="store"):
    return [
        *("eval", "--task", "arc1d", "-T", "level=1", "--limit", str(ITEMS), "--seeds", "1"),
        *("--method", "direct,self-consistency", "-M", "samples=2", "--store", store),
        *("--model", "openai-api/made/up", "--model-arg", f"base_url={endpoint.address}"),
        *("--model-arg", "api_key=k", "--max-connections", str(AT_ONCE)),
    ]


def slowly(body):
    time.sleep(0.005)
    return "1 2 3"


def campaign(victims, endpoint, kills, begun=None, seconds=None):
    """Kills evaluations, one to four times each before they may end."""
    endpoint.reply = slowly
    reference = victims(0, "reference")
    took = reference.whole(evaluation(endpoint))
    expected = sealed(reference.place / "store")
    assert len(endpoint.requests) == WANTED and len(expected) == 2
    made, again, most, n = 0, 0, 0, 0
    while made < kills:
        n += 1
        of = victims(n, f"{n}")
        before, command = len(endpoint.requests), evaluation(endpoint)
        for _ in range(of.random.randint(1, min(4, kills - made))):
            started = (lambda of=of: begun(of.place)) if begun else (lambda: True)
            if not of.kill(command, seconds or took, started):
                break
        of.whole(command)
        made += of.kills
        assert sealed(of.place / "store") == expected
        assert not litter(of.place / "store")
        repeated = len(endpoint.requests) - before - WANTED
        assert 0 <= repeated <= AT_ONCE * of.kills, f"{repeated} calls again after {of.kills} kills"
        again, most = again + repeated, max(most, repeated)
        shutil.rmtree(of.place)
    print(f"\n{made} kills of {n} evaluations: {again} calls of {n * WANTED} made again, {most} at most")


@times(1, 240)
def test_evaluations(victims, endpoint, kills):
    campaign(victims, endpoint, kills)


@times(1, 30)
def test_evaluations_that_seal(victims, endpoint, kills):
    def seals(place):
        return any(place.glob("store/.running/seal-*"))

    campaign(victims, endpoint, kills, seals, seconds=0.03)


@times(3, 30)
def test_retractions_corrections_and_tables(victims, kills):
    at = victims()
    install(at.place)
    run = ["eval", "--task", "words", "--model", "echo/input", "--seeds", "2", "--store", "first"]
    at.whole(run)
    edited = TASK.replace("answer == sample.target", "len(answer) == len(sample.target)")
    (at.place / "words" / "task.py").write_text(edited)
    first, second = (record["run_id"] for record in Store(at.place / "first").sound())
    commands = {
        "retract": ["results", "retract", first, "--reason", "the wrong server"],
        "correct": ["results", "correct", second, "--reason", "the length alone"],
        "rebuild": ["results", "rebuild"],
    }
    expected, took = {}, {}
    for name, command in commands.items():
        shutil.copytree(at.place / "first", at.place / name)
        took[name] = at.whole([*command, "--store", name])
        at.whole(["results", "rebuild", "--store", name])
        expected[name] = sealed(at.place / name), tables(at.place / name)
    over, n = 0, 0
    while at.kills < kills:
        n += 1
        name = list(commands)[n % 3]
        store, command = f"store-{n}", [*commands[name], "--store", f"store-{n}"]
        shutil.copytree(at.place / "first", at.place / store)
        at.kill(command, took[name])
        at.whole(command, codes=(0, 1, 2))  # what was done before the kill can't be done again
        at.whole(["results", "rebuild", "--store", store])
        at.whole(["results", "clean", "--store", store])
        assert (sealed(at.place / store), tables(at.place / store)) == expected[name], name
        assert not litter(at.place / store)
        shutil.rmtree(at.place / store)
    print(f"\n{at.kills} kills of {n} commands, {over} over before")


def tables(store):
    """The tables of a store, without when and where its runs were made."""
    lines = (store / "tables" / "results.csv").read_text().splitlines()
    return [line.replace(store.name, "STORE") for line in lines]


def fits(victims, kills, command, beside=""):
    """Kills a fit until the kills are done; each is begun again, and must end as the undisturbed one."""
    reference = victims(0, "reference")
    prepare(reference.place)
    took = reference.whole([*command, "--store", "store"])
    expected = sealed(reference.place / "store")
    made, n = 0, 0
    while made < kills:
        n += 1
        of = victims(n, f"{n}")
        prepare(of.place)
        for _ in range(of.random.randint(1, min(3, kills - made))):
            if not of.kill([*command, "--store", "store"], took):
                break
        of.whole([*command, "--store", "store"])
        made += of.kills
        assert sealed(of.place / "store") == expected
        assert not litter(of.place / "store")
        assert not list(of.place.glob("cache/artifacts/*.part"))
        shutil.rmtree(of.place)
    print(f"\n{made} kills of {n} fits")


def prepare(place):
    """A few users' interactions."""
    draw = random.Random(7)
    lines = [f"u{user},i{(user % 5) * 8 + draw.randrange(12)},{n}" for user in range(80) for n in range(10)]
    (place / "seen.csv").write_text("\n".join(["user_id,item_id,timestamp", *dict.fromkeys(lines)]))


@pytest.mark.faults
def test_fits_of_recommenders(victims):
    command = ["eval", "--task", "rec/custom", "-T", "train=seen.csv", "--method", "lightgcn"]
    fits(victims, 30, [*command, "-M", "epochs=20", "-M", "batch=64", "-M", "patience=0"])


@pytest.mark.faults
def test_trainings_of_policies(victims):
    command = ["eval", "--task", "countdown", "-T", "level=1", "-T", "bank=200", "-T", "dev=20"]
    command += ["--method", "curator", "-M", "fit=train", "-M", "steps=6", "-M", "prompts=8"]
    fits(victims, 30, [*command, "-M", "candidates=32", "--model", "pocket/start", "--limit", "20"])


@times(2, 30)
def test_boards(victims, kills):
    at = victims()
    install(at.place)
    at.whole(["eval", "--task", "words", "--model", "echo/input,echo/x", "--seeds", "3"])
    took = at.whole(["leaderboard", "build", "--out", "whole"])
    expected, n = pages(at.place / "whole"), 0
    while at.kills < kills:
        n += 1
        command = ["leaderboard", "build", "--out", f"site-{n}"]
        at.kill(command, took)
        at.whole(command)
        assert pages(at.place / f"site-{n}") == expected
        assert not [path for path in at.place.iterdir() if path.name.startswith(f".site-{n}")]
        shutil.rmtree(at.place / f"site-{n}")
    print(f"\n{at.kills} kills of {n} builds")


def pages(site: Path):
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}
