"""The real models of a batch of conversations as one panel: what they say, as arrays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from harness.methods.agents.live.answers import number
from harness.methods.agents.live.talk import Talk, Turn
from harness.methods.agents.live.vectors import Encoder
from harness.methods.agents.topology import Graph, Said


class LivePanel:
    """The agents of a batch of conversations, which go on side by side."""

    def __init__(self, talks: Sequence[Talk], encoder: Encoder | None) -> None:
        self.talks, self._encoder = talks, encoder

    async def speak(self, r: int, graph: Graph, said: list[Said]) -> Said:
        """What all agents say in round `r`; see `Panel`."""
        ended = await asyncio.gather(
            *(talk.round(r, graph.spatial[b], graph.temporal[b]) for b, talk in enumerate(self.talks)),
            return_exceptions=True,
        )
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return self._said([talk.rounds[r] for talk in self.talks])

    def _said(self, batch: Sequence[Sequence[Turn]]) -> Said:
        import numpy as np

        pairs = zip(self.talks, batch, strict=True)
        places = [[talk.places.of(t.answer) for t in turns] for talk, turns in pairs]
        shape = (len(batch), len(batch[0]))
        turns = [turn for each in batch for turn in each]
        vectors = self._vectors(turns)
        values = [number(turn.answer) for turn in turns] if self.talks[0].numeric else None
        return Said(
            answers=np.array(places, dtype=np.int64),
            vectors=vectors.reshape(*shape, vectors.shape[1]),
            spoke=np.array([not turn.silent for turn in turns]).reshape(shape),
            values=None if values is None else np.array(values).reshape(shape),
        )

    def _vectors(self, turns: Sequence[Turn]) -> Any:
        import numpy as np

        if self._encoder is None:
            return np.zeros((len(turns), 0), np.float32)
        rows = self._encoder(["" if turn.vector is not None else turn.body for turn in turns])
        for n, turn in enumerate(turns):
            if turn.vector is not None:
                rows[n] = turn.vector
        return rows
