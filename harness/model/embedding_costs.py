"""What embeddings cost: charged to the run that wants them, whether a server or the cache gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from harness.model.budget import Budget
from harness.model.ledger import Ledger, Usage
from harness.model.prices import Price

#: what the ledger calls them
PURPOSE = "embedding"


@dataclass
class Account:
    """Of one embedder in one run; a text is charged once in it."""

    ledger: Ledger
    budget: Budget
    price: Price | None
    charged: set[str] = field(default_factory=set)

    def check(self, texts: Sequence[str]) -> None:
        """Whether a request for these texts fits: a token a byte at most.

        Raises:
            BudgetSpent: it doesn't.
        """
        size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
        usd = self.price.most(size, 0) if self.price is not None else 0.0
        self.budget.check(self.ledger.total, more=Usage(calls=1, input_tokens=size, cost_usd=usd))

    def lose(self, texts: Sequence[str], tries: int) -> None:
        """Books tries that brought no answer and may have been charged, at their most."""
        if tries:
            size = tries * sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
            usd = self.price.most(size, 0) if self.price is not None else 0.0
            self.ledger.charge(PURPOSE, Usage(uncounted_tokens=size, uncounted_usd=usd), "", 0)

    def charge(self, tokens: Mapping[str, int | None], kept: bool) -> None:
        """Records one request.

        Args:
            tokens: of every text, by its key; None where nobody counted them.
            kept: whether the cache gave the vectors.
        """
        new = {key: count for key, count in tokens.items() if key not in self.charged}
        self.charged.update(new)
        if not new:
            return
        usage = Usage(calls=1, cache_hits=int(kept))
        counts = [count for count in new.values() if count is not None]
        if len(counts) < len(new):
            usage.unreported = 1
            usage.cost_usd = 0.0 if self.price is not None and self.price.free else None
        else:
            usage.input_tokens = sum(counts)
            usage.cost_usd = None if self.price is None else self.price.cost(usage.input_tokens, 0)
        usage.paid_usd = 0.0 if kept else usage.cost_usd
        self.ledger.charge(PURPOSE, usage, "", 0)


def shares(total: int, texts: Sequence[str]) -> list[int]:
    """The tokens of each of several texts, which a server counted together: by their length."""
    lengths = list(accumulate(len(text) or 1 for text in texts))
    ends = [round(total * length / lengths[-1]) for length in lengths]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]
