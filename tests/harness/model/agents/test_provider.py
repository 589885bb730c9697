"""`sim/agents` against its vectorised form, and what it says where it can't answer."""

import asyncio

import numpy as np
import pytest
from inspect_ai.model import ChatMessageUser

from harness.answers import read_number
from harness.base.errors import ModelCallError, UsageError
from harness.model.agents.answers import candidates, slips
from harness.model.agents.law import Agents
from harness.model.agents.settings import Settings
from harness.model.factory import open_model
from harness.model.provider import Call
from harness.sample import Question, Sample, Splits

LETTERS = ("A", "B", "C", "D")
N, T, TURNS = 4, 3, 2


def sample(n, choices=LETTERS, target=None):
    return Sample(Question(f"q{n}", f"question {n}", choices=choices), target or LETTERS[n % 4])


def call(asked, turn=None, seed=0):
    metadata = {"agents": turn} if turn else None
    return Call(asked.question, [ChatMessageUser(content="?", metadata=metadata)], seed=seed)


def prepared(samples, **settings):
    provider = open_model("sim/agents", settings)
    provider.prepare(Splits(samples))
    return provider


def turn(agent, round, heard=(), adversary=None, latent=0, of=N):
    told = {"agent": agent, "of": of, "round": round, "heard": list(heard), "latent": latent}
    return told | {"adversary": adversary}


SETTINGS = {"difficulty": 0.3, "abilities": 0.15, "kappa": 0.8}


def slowly(count):
    """(T, B, N) answers and (T, B, N, D) vectors by calls: a chain within a round, all of the round before,
    the last agent turns in the last round."""
    samples = [sample(n) for n in range(count)]
    provider = prepared(samples, **SETTINGS)

    async def conversation(n, asked):
        wrong = LETTERS[(n + 1 + n // 4 % 3) % 4]
        said, made = [], []
        for r in range(T):
            said.append([])
            made.append([])
            for i in range(N):
                heard = said[r][i - 1 : i] if i else []
                heard = heard + (said[r - 1] if r else [])
                forced = wrong if i == N - 1 and r >= TURNS else None
                output = await provider.generate(call(asked, turn(i, r, heard, forced, latent=n)))
                said[r].append(output.completion)
                made[r].append(output.metadata["vector"])
        places = [[(LETTERS.index(a) - n) % 4 for a in row] for row in said]
        return places, (LETTERS.index(wrong) - n) % 4, made

    async def all_of_them():
        return [await conversation(n, asked) for n, asked in enumerate(samples)]

    found = asyncio.run(all_of_them())
    answers = np.array([places for places, _, _ in found]).transpose(1, 0, 2)
    return answers, np.array([w for _, w, _ in found]), np.array([m for _, _, m in found])


def vectorised(count):
    rng = np.random.default_rng(11)
    agents = Agents(Settings.of(SETTINGS), N)
    asked = agents.questions(count, rng)
    chain = np.broadcast_to(np.eye(N, k=-1, dtype=bool), (count, N, N))
    said, vectors = [], []
    for r in range(T):
        turned = np.zeros((count, N), dtype=bool)
        turned[:, N - 1] = r >= TURNS
        before = np.full((count, N, N), r > 0)
        said.append(agents.answers(asked, chain, before, said[-1] if said else None, turned, rng))
        vectors.append(agents.vectors(said[-1], turned, rng))
    places = [(row - asked.gold[:, None]) % 4 for row in said]
    return np.array(places), (asked.wrong - asked.gold) % 4, np.array(vectors).transpose(1, 0, 2, 3)


def test_both_forms_follow_one_law():
    """What each agent says in each round, how it agrees with the others and with itself, by z tests."""
    few, many = 500, 10_000
    one, other = slowly(few), vectorised(many)
    compared = []
    for (answers, wrong, _), size in ((one, few), (other, many)):
        right, misled = answers == 0, answers == wrong[None, :, None]
        same_before = answers[1:] == answers[:-1]
        same_as_others = answers[:, :, 1:] == answers[:, :, :-1]
        together = right[-1].all(1)
        figures = [
            part.mean(1).ravel() for part in (right, misled, same_before, same_as_others, together[None])
        ]
        compared.append((np.concatenate(figures), size))
    (a, n), (b, m) = compared
    pooled = (a * n + b * m) / (n + m)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-9) * (1 / n + 1 / m))
    z = (a - b) / spread
    assert len(z) == 12 + 12 + 8 + 9 + 1 and np.abs(z).max() < 4 and (z**2).mean() < 2
    # every agent's share differs from at least one other figure by much more than the test would miss
    assert b.std() > 5 * spread.max()
    flaw = Settings().direction("flaw")
    for r, i in ((1, 0), (2, 3)):
        assert one[2][:, r, i].mean(0) @ flaw == pytest.approx(other[2][:, r, i].mean(0) @ flaw, abs=0.03)


def test_a_turn_is_decided_by_conversation_agent_and_round():
    asked = sample(0)
    provider = prepared([asked])

    def said(seed, **what):
        output = asyncio.run(provider.generate(call(asked, turn(**what), seed)))
        return output.completion, output.metadata["vector"]

    assert said(1, agent=0, round=1) == said(2, agent=0, round=1)
    vectors = [said(1, agent=i, round=r, latent=n)[1] for i in (0, 1) for r in (0, 1) for n in (0, 1)]
    assert len({tuple(v) for v in vectors}) == 8
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


def test_an_agent_knows_one_thing_through_a_conversation():
    asked = sample(1)
    provider = prepared([asked], h=1, p=0.5)
    for latent in range(20):
        outputs = [
            asyncio.run(provider.generate(call(asked, turn(0, r, latent=latent)))).completion
            for r in range(8)
        ]
        assert len(set(outputs)) == 1


def test_calls_of_other_methods_are_answered_by_an_average_agent():
    samples = [sample(n) for n in range(100)]
    provider = prepared(samples, abilities=0.2)

    async def all_of_them():
        return [
            (await provider.generate(call(s, seed=d))).completion == s.target
            for s in samples
            for d in range(30)
        ]

    right = np.mean(asyncio.run(all_of_them()))
    assert abs(right - 0.7) < 4 * (0.21 / 3000) ** 0.5


def test_tokens_grow_with_what_was_heard_and_none_is_no_vote():
    asked = sample(0)
    provider = prepared([asked], base=10, message=5, kappa=1)
    output = asyncio.run(provider.generate(call(asked, turn(0, 1, [None, "C", None]))))
    assert (output.usage.input_tokens, output.usage.output_tokens) == (25, 5)
    assert output.completion == "C"


def test_numbers_are_missed_by_slips():
    asked = sample(0, choices=(), target="18")
    provider = prepared([asked], p=0.4)
    outputs = [asyncio.run(provider.generate(call(asked, seed=n))).completion for n in range(200)]
    read = [read_number(text).answer for text in outputs]
    assert set(map(float, read)) == {18.0, *map(float, slips("18", 3))}
    assert slips("18", 5) == ["19", "36", "28", "17", "9"]
    assert slips("0", 3) == ["1", "10", "-1"] and slips("2.5", 2) == ["3.5", "5.0"]
    assert len(set(slips("1", 60))) == 60
    forced = asyncio.run(provider.generate(call(asked, turn(0, 2, ["18"], adversary="99"))))
    assert read_number(forced.completion).answer == "99"


def test_a_question_with_fewer_options_than_letters_is_answered_by_those_alone():
    letters = tuple("ABCDEFGHIJ")
    few = Sample(Question("q", "which?", choices=letters, metadata={"options": 3}), "B")
    assert candidates(few, 4) == (["A", "B", "C"], 1)
    assert candidates(Sample(Question("q", "which?"), "0" * 60), 4) is None  # a grid, and no number
    assert candidates(Sample(Question("q", "which?", choices=letters), "B"), 4) == (list(letters), 1)


def test_what_it_cannot_answer_is_said():
    with pytest.raises(UsageError, match="item 'q0' has 'blue'; take a task such as mmlu"):
        prepared([sample(0, choices=(), target="blue")])
    with pytest.raises(UsageError, match="item 'q0' has 'E'"):
        prepared([sample(0, target="E")])
    provider = prepared([sample(0)])
    with pytest.raises(ModelCallError, match="gold answer"):
        asyncio.run(provider.generate(call(sample(5))))
    with pytest.raises(UsageError, match="did you mean 'abilities'"):
        open_model("sim/agents", {"ability": 1})
    with pytest.raises(UsageError, match="did you mean 'sim/agents'"):
        open_model("sim/agent", {})
    assert "simulation" in provider.notice and "0.7" in provider.notice
