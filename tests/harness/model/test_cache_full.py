"""A cache that can't be written or was damaged: what is paid for isn't lost, and nobody pays on."""

import asyncio
import sqlite3

import pytest

from harness.base.errors import CacheFailed
from harness.base.messages import user
from harness.method import outcomes
from harness.model.budget import Budget
from harness.model.cache import Cache
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.sample import Outcome, Question
from tests.harness.model.test_gateway import ScriptedProvider

QUESTIONS = [Question(f"q{n}", f"? {n}") for n in range(40)]


class Paid(ScriptedProvider):
    remote = True
    identity = ""

    async def generate(self, call):
        await asyncio.sleep(0.001)
        return await super().generate(call)


def full(cache):
    """The cache on a disk that has no room from now on."""
    (pages,) = cache._db.execute("PRAGMA page_count").fetchone()
    cache._db.execute(f"PRAGMA max_page_count = {pages}")


def answered(cache, provider, draws=3, room=None):
    """The questions that were answered, each with several calls, and what ended them."""
    handle = Model(provider, ledger=Ledger(), budget=Budget(), cache=cache)
    done, ended = [], None

    async def answer(question):
        for draw in range(draws):
            await handle.generate(question, [user(question.input)], draw=draw)
            if room and len(provider.calls) >= room:
                full(cache)
        return Outcome(question.id, 0, "yes")

    async def all_of_them():
        nonlocal ended
        try:
            async for outcome in outcomes(answer, QUESTIONS, 8):
                done.append(outcome.question_id)
        except CacheFailed as error:
            ended = error

    asyncio.run(all_of_them())
    return done, ended


def test_a_full_disk_finishes_what_is_begun_and_then_stops(tmp_path):
    said = []
    cache = Cache(tmp_path / "c.sqlite", notice=said.append)
    provider = Paid(text="yes" * 2000)
    done, ended = answered(cache, provider, room=30)
    assert "can't be used" in str(ended) and "full" in str(ended) and len(str(ended).splitlines()) == 1
    assert 10 <= len(done) < 40
    # every call that was paid for belongs to an attempt that was finished
    assert len(provider.calls) == 3 * len(done) and {c.question.id for c in provider.calls} == set(done)
    cache.close()
    assert len(said) == 1 and "are not kept" in said[0]
    # with room again the rest is asked, and of what was kept nothing
    again, more = Paid(text="yes" * 2000), Cache(tmp_path / "c.sqlite")
    assert answered(more, again) == ([q.id for q in QUESTIONS], None)
    kept = 120 - len(again.calls)
    assert 0 < kept <= len(provider.calls)
    more.close()


def test_room_that_comes_back_is_used(tmp_path):
    cache = Cache(tmp_path / "c.sqlite")
    full(cache)
    cache.put("a" * 64, "v" * 10_000)
    cache.flush()
    assert cache.problem and cache.get("a" * 64) == "v" * 10_000
    cache._db.execute("PRAGMA max_page_count = 1000000")
    cache.flush()
    assert cache.problem is None
    cache.close()
    assert Cache(tmp_path / "c.sqlite").get("a" * 64) == "v" * 10_000


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE completions SET value = replace(value, 'yes', 'no')",
        "UPDATE completions SET value = substr(value, 1, 20)",
        "UPDATE completions SET value = ''",
        "UPDATE completions SET value = NULL",
        "UPDATE completions SET value = x'ff00'",
        "UPDATE digests SET value = 'x'",
        # without a digest, as earlier versions kept them
        "DELETE FROM digests; UPDATE completions SET value = '{'",
        "DELETE FROM digests; UPDATE completions SET value = '[]'",
        "DELETE FROM digests; UPDATE completions SET value = '{\"model\": 3}'",
        "DELETE FROM digests; UPDATE completions SET value = printf('%.100000c', '[')",
    ],
)
def test_a_damaged_answer_is_a_miss_with_a_notice(tmp_path, damage):
    path, said = tmp_path / "c.sqlite", []
    first = Cache(path)
    assert len(answered(first, Paid(), draws=1)[0]) == 40
    first.close()
    with sqlite3.connect(path) as db:
        db.executescript(damage)
    provider, cache = Paid(), Cache(path, notice=said.append)
    done, ended = answered(cache, provider, draws=1)
    assert len(done) == len(provider.calls) == 40 and ended is None
    assert set(said) == {f"the cache {path} holds a damaged answer, which is asked for again"}
    cache.close()
    assert answered(Cache(path), again := Paid(), draws=1)[1] is None and not again.calls


def test_what_earlier_versions_kept_is_found(tmp_path):
    path = tmp_path / "c.sqlite"
    cache = Cache(path)
    answered(cache, Paid(), draws=1)
    cache._db.execute("DELETE FROM digests")
    cache.close()
    said = []
    answered(Cache(path, notice=said.append), provider := Paid(), draws=1)
    assert not provider.calls and not said
