"""Episodes of worlds drawn from the policy that is being trained, by the same loop as in evaluation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.base.errors import UsageError
from harness.episode import play
from harness.methods.cm2.codec import Codec, Ids
from harness.methods.cm2.decoder import Decoder
from harness.sample import Outcome, Question
from harness.world import World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo


@dataclass(slots=True)
class Episode:
    """One rollout. `action` is, for every one of `ids`, the number of the policy's action that it belongs to,
    None for tokens of the world."""

    prompt: Ids = field(default_factory=list)
    ids: Ids = field(default_factory=list)
    action: list[int | None] = field(default_factory=list)
    actions: int = 0
    outcome: Outcome | None = None

    @property
    def own(self) -> list[bool]:
        return [number is not None for number in self.action]

    @property
    def read(self) -> int:
        """Tokens that the policy read, once each."""
        return len(self.prompt) + self.action.count(None)

    @property
    def written(self) -> int:
        return len(self.ids) - self.action.count(None)


class Rounds:
    """Collects the actions that are asked for; once every episode that goes on has asked, all are drawn."""

    def __init__(self, decoder: Decoder, episodes: int) -> None:
        self._decoder, self._live = decoder, episodes
        self._waiting: dict[int, tuple[Ids, asyncio.Future[Ids]]] = {}

    async def action(self, row: int, news: Ids) -> Ids:
        """The row's next action, after it read `news`."""
        future: asyncio.Future[Ids] = asyncio.get_running_loop().create_future()
        self._waiting[row] = (news, future)
        self._draw()
        try:
            return await future
        finally:
            self._waiting.pop(row, None)

    def ended(self) -> None:
        """An episode asks for nothing more."""
        self._live -= 1
        self._draw()

    def _draw(self) -> None:
        if not self._waiting or len(self._waiting) < self._live:
            return
        waiting, self._waiting = self._waiting, {}
        try:
            drawn = self._decoder.round({row: news for row, (news, _) in sorted(waiting.items())})
        except Exception as error:
            for _, future in waiting.values():
                if not future.done():
                    future.set_exception(error)
            return
        for row, (_, future) in waiting.items():
            if not future.done():
                future.set_result(drawn[row])


async def play_all(worlds: Sequence[tuple[Question, World]], codec: Codec, decoder: Decoder) -> list[Episode]:
    """Plays every world once, row by row of the decoder.

    Raises:
        Diverged: a probability of the policy is not finite.
        UsageError: a world begins a second conversation, which a sequence of tokens can't hold.
    """
    rounds = Rounds(decoder, len(worlds))
    episodes = [Episode() for _ in worlds]

    async def one(row: int) -> None:
        try:
            question, world = worlds[row]
            actor = _Actor(row, episodes[row], rounds, codec, decoder)
            episodes[row].outcome = await play(question, world, actor.act)
        finally:
            rounds.ended()

    try:
        async with asyncio.TaskGroup() as group:
            for row in range(len(worlds)):
                group.create_task(one(row))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return episodes


class _Actor:
    def __init__(self, row: int, episode: Episode, rounds: Rounds, codec: Codec, decoder: Decoder) -> None:
        self.row, self.episode, self.rounds = row, episode, rounds
        self.codec, self.decoder = codec, decoder
        self.known = 0  # messages that stand in the episode's tokens
        self.unread: Ids = []  # the last token of the last action, which the network hasn't read yet
        self.tools = False

    async def act(self, seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
        from inspect_ai.model import ChatCompletionChoice, ModelOutput, ModelUsage

        episode, name = self.episode, "policy"
        if self.known and (len(seen) <= self.known or seen[self.known].role != "assistant"):
            raise UsageError("a world begins a second conversation; the policy can't be trained in it")
        if not self.known:
            self.tools = bool(tools)
            news = episode.prompt = self.codec.opening(seen, tools)
        else:
            ended = bool(self.unread) and self.unread[-1] == self.codec.end
            heard = self.codec.heard(seen[self.known + 1 :], ended)
            episode.ids += heard
            episode.action += [None] * len(heard)
            news = self.unread + heard
        self.known = len(seen)
        if not self.decoder.fits(self.row, len(news)):
            return ModelOutput(model=name, choices=[], usage=None)
        drawn = await self.rounds.action(self.row, news)
        self.unread = drawn[-1:]
        message = self.codec.read(drawn, episode.actions, self.tools)
        episode.ids += drawn
        episode.action += [episode.actions] * len(drawn)
        episode.actions += 1
        read = len(episode.prompt) + len(episode.ids) - len(drawn)
        return ModelOutput(
            model=name,
            choices=[ChatCompletionChoice(message=message)],
            usage=ModelUsage(input_tokens=read, output_tokens=len(drawn), total_tokens=read + len(drawn)),
        )


def demonstrated(messages: Sequence[ChatMessage], tools: Sequence[ToolInfo], codec: Codec) -> Episode:
    """A dialogue that somebody else led, as if the policy had: every assistant's message is an action."""
    episode = Episode()
    heard: list[ChatMessage] = []
    for message in messages:
        if message.role != "assistant":
            heard.append(message)
            continue
        if not episode.actions:
            episode.prompt = codec.opening(heard, tools)
        else:
            between = codec.heard(heard)
            episode.ids += between
            episode.action += [None] * len(between)
        said = codec.write(message)
        episode.ids += said
        episode.action += [episode.actions] * len(said)
        episode.actions += 1
        heard = []
    return episode
