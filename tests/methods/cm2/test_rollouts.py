"""Episodes drawn in rounds: the same tokens as one at a time, whatever the worlds' pace."""

import asyncio
import random

import pytest

from harness.base import messages
from harness.base.errors import UsageError
from harness.methods.cm2.codec import Codec
from harness.methods.cm2.decoder import Decoder
from harness.methods.cm2.rollouts import demonstrated, play_all
from harness.sample import Question
from harness.world import Limits, Observation, World
from tests.methods.cm2.conftest import nobody, office, policy, tokenizer, worlds

WORDS = ("ok", "P3", "d7", "B2", "n5", "err")


class Talker(World):
    """Answers any action with some words, at its own pace."""

    limits = Limits(steps=20)

    def __init__(self, number, slow=0.0, restarts=False):
        self.rng, self.slow, self.restarts = random.Random(number), slow, restarts
        self.left = self.rng.randint(2, 7)

    def say(self):
        return messages.user(" ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 5))))

    async def start(self):
        return Observation([self.say()])

    async def step(self, action):
        await asyncio.sleep(self.slow * random.random())
        self.left -= 1
        return Observation([self.say()], done=self.left <= 0, new_conversation=self.restarts)

    def answer(self):
        return None


def draw(rows=8, slow=0.0, temperature=1.0, context=200, max_tokens=4, model=None, numbers=None, **how):
    numbers = range(rows) if numbers is None else numbers
    decoder = Decoder(
        model or policy(),
        end=2,
        context=context,
        max_tokens=max_tokens,
        temperature=temperature,
        seeds=[(5, n) for n in numbers],
    )
    games = [(Question(str(n), ""), Talker(n, slow, **how)) for n in numbers]
    return asyncio.run(play_all(games, Codec(tokenizer()), decoder))


def test_the_greedy_tokens_are_those_of_one_plain_pass_over_the_whole_episode():
    import torch

    model = policy()
    for episode in draw(temperature=0.0, model=model):
        with torch.no_grad():
            logits = model(torch.tensor([episode.prompt + episode.ids])).logits[0]
        for place, own in enumerate(episode.own):
            if own:
                said = int(logits[len(episode.prompt) + place - 1].argmax())
                assert said == episode.ids[place]
        assert any(episode.own) and not all(episode.own)


def test_the_draws_do_not_depend_on_the_worlds_pace_nor_on_the_other_rows():
    first = draw()
    assert [e.ids for e in draw(slow=0.003)] == [e.ids for e in first]
    alone = draw(numbers=[3, 6])
    assert [e.ids for e in alone] == [first[3].ids, first[6].ids]
    assert len({tuple(e.ids) for e in first}) == len(first)


def test_every_own_token_belongs_to_an_action_and_an_unfinished_action_is_ended_by_no_own_token():
    episodes = draw(max_tokens=2)
    cut = 0
    for episode in episodes:
        assert len(episode.action) == len(episode.ids)
        numbers = [n for n in episode.action if n is not None]
        assert numbers == sorted(numbers) and set(numbers) == set(range(episode.actions))
        for number in range(episode.actions - 1):
            at = max(i for i, n in enumerate(episode.action) if n == number)
            if episode.ids[at] != 2:
                cut += 1
                assert episode.ids[at + 1] == 2 and not episode.own[at + 1]
        assert episode.read + episode.written == len(episode.prompt) + len(episode.ids)
    assert cut


def test_an_episode_longer_than_the_context_ends_and_says_so():
    reasons = {e.outcome.stop_reason for e in draw(rows=12, context=24)}
    assert reasons == {"stop", "model_length"}


def test_a_second_conversation_is_refused():
    with pytest.raises(UsageError, match="second conversation"):
        draw(rows=2, restarts=True)


def test_a_demonstration_reads_and_writes_the_words_of_the_dialogue():
    task, sample = office(), worlds()[0]
    talk, tools = task.dialogue(sample)
    episode = demonstrated(talk, tools, Codec(tokenizer()))
    words = " ".join(
        f"{message.text} <eos>" if message.role == "assistant" else message.text for message in talk
    )
    assert tokenizer().decode(episode.prompt + episode.ids) == f"<bos> {words}"
    assert episode.actions == sum(message.role == "assistant" for message in talk)
    own = [i for i, mine in zip(episode.ids, episode.own, strict=True) if mine]
    assert tokenizer().decode(own).count("<eos>") == episode.actions


def test_what_a_demonstration_says_leads_through_the_world_as_it_was_told():
    task, sample = office(), worlds()[1]
    talk, _ = task.dialogue(sample)
    said = [message.text for message in talk if message.role == "assistant"]

    async def walk():
        world = task.world(sample, nobody)
        seen = [*(await world.start()).messages]
        for text in said:
            action = messages.assistant(text)
            seen += [action, *(await world.step(action)).messages]
        return [message.text for message in seen]

    assert asyncio.run(walk()) == [message.text for message in talk]
