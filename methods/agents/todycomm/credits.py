"""The credit model: one small network, shared by all agents, that reads features round by round.

arXiv 2602.03688, sizes and standardisation from its presumed code, which runs a plain tanh cell (`rnn`); a
review page says gated (`gru`, the default). `none` leaves the recurrence out. `linear` is the model of the
notes' simulation: own text, previous credit and the nine scalars, without hidden layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.methods.agents.todycomm.features import count, linear_columns

if TYPE_CHECKING:
    from harness.methods.agents.topology import Space, Vectors

CELLS = ("gru", "rnn", "none", "linear")
HIDDEN = 128
TEMPERATURE = 0.5
#: keeps the division of equal scores finite; scores that spread less count as equal
EPSILON = 1e-6


def relative(scores: Any) -> Any:
    """Credits (..., N) in (0, 1) of scores (..., N), a tensor: how far each stands above the agents' mean, in
    sample standard deviations, through a sigmoid at temperature 0.5. Their mean is about 0.5 whatever the
    agents do. Equal scores give exactly 0.5 each, and no gradient."""
    import torch

    centred = scores - scores.mean(-1, keepdim=True)
    variance = (centred**2).sum(-1, keepdim=True) / (scores.shape[-1] - 1)
    equal = variance < EPSILON**2
    spread = torch.where(equal, 1.0, variance).sqrt() + EPSILON
    return torch.sigmoid(torch.where(equal, 0.0, centred / spread) / TEMPERATURE)


class CreditModel:
    """`network` is a torch module; `seed` draws its first weights and leaves torch's own state alone."""

    def __init__(self, cell: str, space: Space, width: int, seed: int) -> None:
        import torch
        from torch import nn

        self.cell, self.space, self.width = cell, space, width
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if cell == "linear":
                self._columns = torch.tensor(linear_columns(space, width))
                # a constant would fall out where scores are standardised
                self.network = nn.ModuleDict({"head": nn.Linear(len(self._columns), 1, bias=False)})
                return
            parts: dict[str, Any] = {
                "projector": nn.Sequential(
                    nn.Linear(count(space, width), 2 * HIDDEN),
                    nn.LayerNorm(2 * HIDDEN),
                    nn.ReLU(),
                    nn.Linear(2 * HIDDEN, HIDDEN),
                    nn.ReLU(),
                )
            }
            if cell != "none":
                parts["cell"] = {"gru": nn.GRUCell, "rnn": nn.RNNCell}[cell](HIDDEN, HIDDEN)
            parts["head"] = nn.Sequential(
                nn.Linear(HIDDEN, HIDDEN // 2), nn.ReLU(), nn.Linear(HIDDEN // 2, 1)
            )
            self.network = nn.ModuleDict(parts)

    def parameters(self) -> int:
        """How many numbers it learns."""
        return sum(each.numel() for each in self.network.parameters())

    def scores(self, rows: Any, hidden: Any = None) -> tuple[Any, Any]:
        """Scores (R,) of features (R, columns), a row an agent, and what the cell remembers of each, to be
        given back in the next round; tensors."""
        if self.cell == "linear":
            rows = rows[:, self._columns]
        else:
            rows = self.network["projector"](rows)
            if self.cell != "none":
                rows = hidden = self.network["cell"](rows, hidden)
        return self.network["head"](rows)[:, 0], hidden

    def __call__(self, features: Vectors, hidden: Any = None) -> tuple[Any, Any]:
        """Credits (B, N) of features (B, N, columns), and what the cell remembers; tensors."""
        import torch

        found, hidden = self.scores(torch.from_numpy(features).flatten(0, 1), hidden)
        return relative(found.view(features.shape[:2])), hidden
