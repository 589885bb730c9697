"""Many dialogues continued side by side by a causal language model of transformers, in rounds.

In a round every row reads what its world said and writes one action. Keys and values stand without gaps, each
row at its own length, so that a row never reads another's padding; which rows share a pass follows from the
episodes alone, and every row has random numbers of its own: the same seed gives the same episodes, however
long worlds take to answer.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.engine.course import Diverged

Ids = list[int]
#: the batch is made smaller once this part of its rows has ended; copying at every end costs more than that
COMPACT = 1 / 3


class RaggedCache:
    """Keys and values (rows, heads, columns, width) of every layer; `at` says where the next ones go.

    Behaves as transformers' caches do where a 4-dimensional mask and positions are given."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._at: Any = None
        self._seen = 0

    def at(self, places: Any, seen: int) -> None:
        """The columns (rows, positions) of what is read next, and how many columns attention looks at."""
        import torch

        self._at, self._seen = places, seen
        self._row = torch.arange(self.rows, device=places.device)[:, None]

    def update(self, keys: Any, values: Any, layer: int, *args: Any, **more: Any) -> tuple[Any, Any]:
        """Writes a layer's keys and values, and gives those so far."""
        if layer == len(self._keys):
            rows, heads, _, width = keys.shape
            self._keys.append(keys.new_zeros(rows, heads, self.columns + 1, width))
            self._values.append(values.new_zeros(rows, heads, self.columns + 1, values.shape[-1]))
        found = []
        for table, new in ((self._keys[layer], keys), (self._values[layer], values)):
            table[self._row, :, self._at] = new.transpose(1, 2)
            found.append(table[:, :, : self._seen])
        return found[0], found[1]

    def get_seq_length(self, layer: int = 0) -> int:
        return 0  # positions are given

    def select(self, rows: Any) -> None:
        """Keeps these rows alone."""
        self.rows = len(rows)
        self._keys = [table[rows] for table in self._keys]
        self._values = [table[rows] for table in self._values]


class Decoder:
    """Dialogues numbered 0 to rows - 1.

    Args:
        end: the id that ends an action.
        context: the most tokens of a dialogue.
        max_tokens: of an action.
        temperature: 0 takes the likeliest token.
        seeds: what every row's random numbers are drawn from, one a row.
    """

    def __init__(
        self,
        model: Any,
        *,
        end: int,
        context: int,
        max_tokens: int,
        temperature: float,
        seeds: Sequence[Sequence[int]],
    ) -> None:
        self.model, self.end, self.context = model, end, context
        self.max_tokens, self.temperature = max_tokens, temperature
        self._cache = RaggedCache(len(seeds), context)
        self._name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
        self._random = [np.random.default_rng(list(seed)) for seed in seeds]
        self._place = list(range(len(seeds)))  # in the batch, by row
        self._rows = list(range(len(seeds)))  # by place in the batch
        self._length = np.zeros(len(seeds), np.int64)  # by row
        #: passes of the network
        self.passes = 0

    def fits(self, row: int, news: int) -> bool:
        """Whether a row has room to read so many tokens and to write an action."""
        return int(self._length[row]) + news + self.max_tokens <= self.context

    def round(self, news: dict[int, Ids]) -> dict[int, Ids]:
        """The next action of each row in `news`, after it read these tokens; other rows have ended.

        Raises:
            Diverged: a probability is not finite.
        """
        import torch

        training = self.model.training
        self.model.eval()
        try:
            with torch.inference_mode():
                return self._round(news)
        finally:
            self.model.train(training)

    def _round(self, news: dict[int, Ids]) -> dict[int, Ids]:
        import torch

        self._compact(sorted(news))
        rows = self._rows
        width = max(map(len, news.values()))
        read = np.zeros((len(rows), width), np.int64)
        # what is not read goes to the column after the last, which nobody looks at
        places = np.full((len(rows), width), self.context, np.int64)
        for place, row in enumerate(rows):
            ids = news.get(row, ())
            if ids:
                read[place, -len(ids) :] = ids
                places[place, -len(ids) :] = self._length[row] + np.arange(len(ids))
                self._length[row] += len(ids)
        logits = self._forward(read, places)
        written: dict[int, Ids] = {row: [] for row in news}
        going = [row in news for row in rows]
        chances = {row: self._random[row].random(self.max_tokens) for row in news} if self.temperature else {}
        for number in range(self.max_tokens):
            if self.temperature:
                luck = [chances[row][number] if row in chances else 0.5 for row in rows]
                tokens = self._sample(logits, torch.tensor(luck, device=logits.device))
            else:
                tokens = logits.argmax(-1).tolist()
            for place, row in enumerate(rows):
                if going[place]:
                    written[row].append(tokens[place])
                    going[place] = tokens[place] != self.end and number + 1 < self.max_tokens
            # the last token of an action is read at the beginning of the next round
            if not any(going):
                break
            places = np.full((len(rows), 1), self.context, np.int64)
            for place, row in enumerate(rows):
                if going[place]:
                    places[place, 0] = self._length[row]
                    self._length[row] += 1
            logits = self._forward(np.array(tokens)[:, None], places)
        return written

    def _forward(self, ids: Any, places: Any) -> Any:
        """Logits (rows, vocabulary) after the last position."""
        import torch

        device = self.model.device
        seen = int(self._length[self._rows].max())
        last = np.where(places == self.context, 0, places)
        at, positions = torch.from_numpy(places).to(device), torch.from_numpy(last).to(device)
        mask = (torch.arange(seen, device=device) <= positions[:, :, None])[:, None]
        self._cache.at(at, seen)
        self.passes += 1
        given = {self._name: self._cache}
        return self.model(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **given,
        ).logits[:, -1]

    def _sample(self, logits: Any, luck: Any) -> list[int]:
        """By the inverse of the distribution function, at a number in [0, 1) a row."""
        import torch

        chance = (logits.double() / self.temperature).softmax(-1)
        if not bool(torch.isfinite(chance).all()):
            raise Diverged("the policy's probabilities are not finite")
        sums = chance.cumsum(-1)
        found = torch.searchsorted(sums, (luck * sums[:, -1])[:, None], right=True)[:, 0]
        return list(found.clamp(max=logits.shape[-1] - 1).tolist())

    def _compact(self, live: list[int]) -> None:
        import torch

        if len(live) > len(self._rows) * (1 - COMPACT):
            return
        kept = [place for place, row in enumerate(self._rows) if row in set(live)]
        self._cache.select(torch.tensor(kept, device=self.model.device))
        self._rows = [self._rows[place] for place in kept]
