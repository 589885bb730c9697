"""TodyComm question by question and agent by agent, as plainly as its description reads.

Tests compare the batched parts of harness.methods.agents with these, and benchmarks/agents.py sets their
speed beside them. Options only; answers are places, -1 for none.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def neighbours(credits, heard_by_me):
    """Senders and the softmax of their credits."""
    senders = [j for j, heard in enumerate(heard_by_me) if heard]
    raw = [math.exp(credits[j]) for j in senders]
    return senders, [value / sum(raw) for value in raw]


def one_hot(answer, options):
    found = np.zeros(options)
    if 0 <= answer < options:
        found[answer] = 1
    return found


def features(agent, options, answers, vectors, first_answers, first_vectors, heard, credits):
    """The columns of one agent of one question; `heard[receiver][sender]`."""
    own, text = one_hot(answers[agent], options), np.asarray(vectors[agent], float)
    before, text_before = one_hot(first_answers[agent], options), np.asarray(first_vectors[agent], float)
    senders, weights = neighbours(credits, heard[agent])
    centre, text_centre = np.zeros(options), np.zeros(len(text))
    for j, weight in zip(senders, weights, strict=True):
        centre += weight * one_hot(answers[j], options)
        text_centre += weight * np.asarray(vectors[j], float)
    scalars = [0.0] * 9
    if senders:
        scalars[0], scalars[1] = own @ centre, text @ text_centre
        scalars[2] = -sum(p * math.log(p) for p in centre if p > 0) / math.log(options)
        for j, weight in zip(senders, weights, strict=True):
            scalars[3] += weight * np.linalg.norm(vectors[j] - text_centre) / 2
        scalars[6], scalars[7] = abs(own - centre).sum(), np.linalg.norm(text - text_centre)
        scalars[8] = 1.0
    scalars[4], scalars[5] = abs(own - before).sum(), np.linalg.norm(text - text_before)
    return np.concatenate([own, text, [credits[agent]], centre, text_centre, scalars])


def cyclic(adjacency):
    """Whether a graph `[receiver][sender]` has a cycle: nobody is left that hears none of those left."""
    left = set(range(len(adjacency)))
    while free := {i for i in left if not any(adjacency[i][j] for j in left)}:
        left -= free
    return bool(left)


def would_close(adjacency, sender, receiver):
    """Whether sender -> receiver would close a cycle: a path already leads from receiver to sender."""
    seen, stack = set(), [receiver]
    while stack:
        at = stack.pop()
        if at == sender:
            return True
        if at not in seen:
            seen.add(at)
            stack += [i for i in range(len(adjacency)) if adjacency[i][at]]
    return False


def by_credit(credits):
    return sorted(range(len(credits)), key=lambda i: -credits[i])


def edges_jan26(selected, credits, outs, ins):
    """Sender by sender; edges against the order of credit are tried too."""
    n, order = len(credits), by_credit(credits)
    adjacency = np.zeros((n, n), bool)
    for s in order:
        for r in order:
            if not selected[s] or (outs is not None and adjacency[:, s].sum() >= outs):
                break
            full = ins is not None and adjacency[r].sum() >= ins
            if full or not selected[r] or r == s or would_close(adjacency, s, r):
                continue
            adjacency[r, s] = True
    return adjacency


def edges_by_score(selected, credits, outs, ins, score: Callable[[float, float], float]):
    """Edge by edge, best score first; of equal scores the more credited sender first."""
    n, order = len(credits), by_credit(credits)
    place = {agent: at for at, agent in enumerate(order)}
    pairs = [(s, r) for s in order for r in order[place[s] + 1 :] if selected[s] and selected[r]]
    pairs.sort(key=lambda pair: (-score(credits[pair[0]], credits[pair[1]]), place[pair[0]], place[pair[1]]))
    adjacency = np.zeros((n, n), bool)
    for s, r in pairs:
        out_full = outs is not None and adjacency[:, s].sum() >= outs
        in_full = ins is not None and adjacency[r].sum() >= ins
        if not (out_full or in_full or would_close(adjacency, s, r)):
            adjacency[r, s] = True
    return adjacency


def vote(answers, credits, selected):
    """The credit-weighted vote and its sums; all agents vote where nobody who answered is selected."""
    raw = [math.exp(c) for c in credits]
    if not any(m and a >= 0 for m, a in zip(selected, answers, strict=True)):
        selected = [True] * len(answers)
    sums: dict[int, float] = {}
    for a, c, m in zip(answers, raw, selected, strict=True):
        if m and a >= 0:
            sums[a] = sums.get(a, 0.0) + c / sum(raw)
    return max(sorted(sums), key=sums.__getitem__) if sums else -1, sums


class Talk:
    """One conversation of the notes' simulated agents (harness/model/agents) under TodyComm; `model` is a
    CreditModel, `answer_vectors` and `flaw` the simulator's directions. The model reads agents one by one, or
    those of the question `together`."""

    def __init__(self, model, settings, answer_vectors, flaw, rng, flips, learning, together=False):
        self.model, self.settings, self.rng, self.learning = model, settings, rng, learning
        self.together = together
        self.answer_vectors, self.flaw, self.flips = answer_vectors, flaw, flips
        self.options, self.agents = len(answer_vectors), len(flips)
        self.gold = int(rng.integers(self.options))
        self.wrong = int((self.gold + rng.integers(1, self.options)) % self.options)
        self.known = [self.draw() for _ in flips]
        self.logps: list = []

    def draw(self):
        if self.rng.random() < self.settings.p:
            return self.gold
        return int((self.gold + self.rng.integers(1, self.options)) % self.options)

    def say(self, agent, r, heard):
        """An agent's answer and the vector of its text."""
        s, turned = self.settings, self.flips[agent] <= r
        answer = self.known[agent] if self.rng.random() < s.h else self.draw()
        if turned:
            answer = self.wrong
        elif heard:
            counts = {a: heard.count(a) for a in heard}
            most = max(counts.values())
            if self.rng.random() < s.kappa * most / len(heard):
                answer = int(self.rng.choice([a for a, n in counts.items() if n == most]))
        vector = self.answer_vectors[answer] + s.noise * self.rng.normal(size=s.width)
        vector = vector + s.honesty * self.flaw if turned else vector
        return answer, vector / np.linalg.norm(vector)

    def round(self, r, order, heard):
        """What all say in a round, one after the other; `heard[receiver][sender]` follows `order`."""
        said = {}
        for agent in order:
            said[agent] = self.say(agent, r, [said[j][0] for j in range(self.agents) if heard[agent][j]])
        return [said[i][0] for i in range(self.agents)], [said[i][1] for i in range(self.agents)]

    def play(self, rounds, outs, ins, flip=0.1):
        """The answer taken after so many rounds."""
        import torch

        from harness.methods.agents.todycomm.credits import relative

        n = self.agents
        groups = [list(range(n))] if self.together else [[i] for i in range(n)]
        hidden = [None] * len(groups)
        heard, credits = np.zeros((n, n), bool), [0.5] * n
        first = said = self.round(0, range(n), heard)
        for r in range(1, rounds + 1):
            scores = []
            for g, group in enumerate(groups):
                rows = [features(i, self.options, *said, *first, heard, credits) for i in group]
                with torch.set_grad_enabled(self.learning):
                    found, hidden[g] = self.model.scores(torch.tensor(np.array(rows, np.float32)), hidden[g])
                scores.append(found)
            tensor = relative(torch.cat(scores))
            credits = tensor.detach().tolist()
            selected = self.select(tensor, credits, flip)
            if r < rounds:
                heard = edges_jan26(selected, credits, outs, ins)
                said = self.round(r, by_credit(credits), heard)
        return vote(said[0], credits, selected)[0]

    def select(self, tensor, credits, flip):
        if not self.learning:
            cut = round(sum(credits) / len(credits), 4)
            return [c > cut for c in credits]
        selected, logp = [], 0.0
        for i in range(self.agents):
            chance = tensor[i].clamp(1e-6, 1 - 1e-6)
            bit = (self.rng.random() < chance.item()) != (self.rng.random() < flip)
            logp = logp + (chance if bit else 1 - chance).log()
            selected.append(bit)
        self.logps.append(logp)
        return selected


def update(model, adam, talks, rewards, gamma=0.9):
    """One step of REINFORCE from conversations that were played."""
    mean, total = sum(rewards) / len(rewards), 0.0
    for talk, reward in zip(talks, rewards, strict=True):
        for before, logp in enumerate(reversed(talk.logps)):
            total = total - (reward - mean) * gamma**before * logp
    adam.zero_grad(set_to_none=True)
    (total / len(talks)).backward()
    adam.step()
