"""Implicit alternating least squares, by the library `implicit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.data.interactions import Interactions
from harness.methods.recommend.base import Recommender, Scorer

if TYPE_CHECKING:
    from harness.job import Job


class ImplicitALS(Recommender):
    """Factors of weighted matrix completion (Hu, Koren and Volinsky 2008, doi:10.1109/ICDM.2008.22)."""

    def learn(self, data: Interactions, job: Job) -> Scorer:
        from scipy.sparse import csr_matrix

        try:
            from implicit.cpu.als import AlternatingLeastSquares
        except ImportError:
            raise UsageError("method als needs the extra: pip install 'method-harness[rec]'") from None
        seed = seed_of(job.seed, "als") % 2**31
        model = AlternatingLeastSquares(
            factors=self.args["dim"],
            regularization=self.args["reg"],
            alpha=self.args["alpha"],
            iterations=self.args["epochs"],
            random_state=seed,
        )
        job.drew("als", [*data.known.shape, self.args["dim"]], seed)  # its factors start from these alone
        model.fit(csr_matrix(data.known), show_progress=False)
        users, items = model.user_factors, model.item_factors
        return lambda rows: users[rows] @ items.T
