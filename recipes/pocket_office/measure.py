"""Plays chains with a policy, many at once, and counts what came out right, turn by turn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from harness.model.pocket.dialogue import DialogueModel
from harness.tasks.toolworld.chains import KINDS, chain
from harness.tasks.toolworld.compact import ERR, decode, request_words
from harness.tasks.toolworld.expert import perform
from harness.tasks.toolworld.office import Office

#: seeds of the chains that are measured on, apart from all others
FIRST = 90_000_000
#: an episode is broken after so many actions or errors in a turn
MOVES, ERRORS = 10, 3
CHANGES = ("send_message", "cancel_booking", "move_booking")


@dataclass
class Episode:
    target: dict
    office: Office
    messages: list = field(default_factory=list)
    turn: int = 0
    moves: int = 0
    errors: int = 0
    done: list = field(default_factory=list)
    #: of every turn that was ended, whether it was right
    right: list[bool] = field(default_factory=list)
    broken: bool = False

    @property
    def going(self) -> bool:
        return not self.broken and self.turn < len(self.target["lines"])

    def say(self, role: str, text: str) -> None:
        self.messages.append(SimpleNamespace(role=role, text=text))

    def step(self, words: str) -> None:
        self.say("assistant", words)
        act = decode(words)
        self.moves += 1
        if act is not None and not act.tool:
            wanted, says = self.target["actions"][self.turn], self.target["says"][self.turn]
            same = Counter(map(repr, self.done)) == Counter(map(repr, wanted))
            self.right.append(same and all(text == act.said for text in says))
            self.turn, self.moves, self.errors, self.done = self.turn + 1, 0, 0, []
            if self.going:
                self.ask()
            return
        result = ERR if act is None else perform(self.office, act)
        if result == ERR:
            self.errors += 1
        elif act is not None and act.tool in CHANGES:
            self.done.append([act.tool, dict(act.arguments)])
        self.broken = self.errors >= ERRORS or self.moves >= MOVES
        self.say("user", result)

    def ask(self) -> None:
        self.say("user", request_words(self.target["lines"][self.turn]))


def play(model: DialogueModel, targets: Sequence[dict], temperature: float) -> list[Episode]:
    episodes = [Episode(target, Office(target["office"])) for target in targets]
    for episode in episodes:
        episode.ask()
    seed = 0
    while going := [episode for episode in episodes if episode.going]:
        made = model.generate(
            [model.prompt(episode.messages) for episode in going],
            max_new_tokens=MAX_NEW,
            temperature=temperature,
            seeds=range(seed, seed + len(going)),
        )
        seed += len(going)
        for episode, generation in zip(going, made, strict=True):
            if generation.finish_reason == "context":
                episode.broken = True
            else:
                episode.step(generation.text)
    return episodes


#: an action has five tokens at the most
MAX_NEW = 8


def success(model: DialogueModel, turns: int, episodes: int, temperature: float) -> dict[str, float]:
    """Shares of episodes that are wholly right and of those that broke, and of single turns by kind."""
    played = play(model, [chain(turns, FIRST + n) for n in range(episodes)], temperature)
    kinds: dict[str, list[bool]] = defaultdict(list)
    for episode in played:
        for kind, right in zip(episode.target["kinds"], episode.right, strict=False):
            kinds[kind].append(right)
    whole = [len(e.right) == turns and all(e.right) for e in played]
    return {
        "success": _share(whole),
        "broken": _share([episode.broken for episode in played]),
        **{kind: _share(kinds[kind]) for kind in KINDS},
    }


def skill(model: DialogueModel, kind: str, episodes: int, temperature: float) -> float:
    """Share of one-turn dialogues of a kind that are right."""
    targets = [chain(1, FIRST + n, kinds=[kind]) for n in range(episodes)]
    return _share([episode.right == [True] for episode in play(model, targets, temperature)])


def _share(flags: Sequence[bool]) -> float:
    return round(sum(flags) / len(flags), 3) if flags else 0.0
