"""How the item and user tables start.

LLMInit (arXiv:2503.01814; rules from its released code, the paper's body was not at hand) takes d of
the D dimensions of text vectors as the items' start and the mean of a user's training items as the
user's. The controls separate what may cause a gain over Xavier: scale (`gauss`), meaning (`shuffle`),
the language model (`lsa`), the choice of dimensions (`pca`), and the averaging alone (`mean`). They are
ours. Everything here reads training interactions only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.base.digest import seed_of
from harness.base.errors import UsageError
from harness.model.embed import unit

if TYPE_CHECKING:
    from numpy.random import Generator

    from harness.job import Job

Array = NDArray[Any]
LOG = logging.getLogger("harness.methods.recommend")
#: share of the items, the most popular ones, over which `var` takes the variance
POPULAR = 0.2


def tables(
    how: str, training: Any, job: Job, args: Mapping[str, Any], quiet: bool = False
) -> tuple[Array, Array]:
    """The initial tables of users (users, d) and items (items, d), float32.

    Args:
        how: `xavier`, `normal` (standard deviation 0.1, as in LightGCN's own code), `mean` (Xavier
            items), `rand`, `uni`, `var`, `full`, `pca`, `lsa`, `gauss` or `shuffle`.
        training: CSR matrix (users, items).
        args: `dim`, `centre`, `rms`, `like`, `released`.
        quiet: whether items without text go unsaid, for a second start of the same items.

    Raises:
        UsageError: more dimensions are wanted than the vectors have.
        DataError: as `JobData.item_vectors`.
    """
    rng = np.random.default_rng(seed_of(job.seed, "start"))
    n_users, n_items = training.shape
    dim = args["dim"]
    if how in ("xavier", "normal"):
        draw = _normal if how == "normal" else _xavier
        return draw(n_users, dim, rng), draw(n_items, dim, rng)
    items = _xavier(n_items, dim, rng) if how == "mean" else _items(how, training, job, args, rng, quiet)
    return mean_of_items(training, items), items


def mean_of_items(training: Any, items: Array) -> Array:
    """The mean vector of each user's training items; zero for a user without any."""
    degree = np.maximum(np.diff(training.indptr), 1)
    return np.asarray((training @ items) / degree[:, None], np.float32)


def _items(
    how: str, training: Any, job: Job, args: Mapping[str, Any], rng: Generator, quiet: bool = False
) -> Array:
    if how == "lsa":
        return scaled(lsa(job.data.item_texts, args["dim"]), args["rms"])
    vectors, without = job.data.item_vectors()
    if without and not quiet:
        LOG.warning("%d of %d items have no text and start at the mean of the others", without, len(vectors))
    if args["centre"]:
        vectors = unit(vectors - vectors.mean(axis=0))
    if how == "full":
        return scaled(vectors, args["rms"])
    chosen = args["like"] if how in ("gauss", "shuffle") else how
    repeat = args.get("released", False)
    items = scaled(chosen_dimensions(chosen, vectors, training, args["dim"], rng, repeat), args["rms"])
    if how == "gauss":
        rms = float(np.sqrt(np.mean(np.square(items, dtype=np.float64))))
        return rng.normal(0, rms, items.shape).astype(np.float32)
    return items[rng.permutation(len(items))] if how == "shuffle" else items


def chosen_dimensions(
    how: str, vectors: Array, training: Any, dim: int, rng: Generator, repeat: bool = False
) -> Array:
    """`dim` of the dimensions of `vectors`, or their first principal components.

    Args:
        repeat: whether `rand` may draw a dimension again, as LLMInit's released code does; of 64 drawn
            from 768, 61 are distinct on average.

    Raises:
        UsageError: `vectors` has fewer dimensions.
    """
    width = vectors.shape[1]
    if dim > width:
        raise UsageError(
            f"dim={dim} is larger than the {width} dimensions of the vectors; choose "
            f"-M dim={width} or less, or another --embedder"
        )
    if how == "pca":
        centred = vectors - vectors.mean(axis=0)
        _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
        return np.asarray(centred @ axes[:, ::-1][:, :dim], np.float32)
    choose: dict[str, Callable[[], Array]] = {
        "rand": lambda: np.sort(rng.choice(width, dim, replace=repeat)),
        "uni": lambda: uniform(width, dim),
        "var": lambda: most_varied(vectors, np.bincount(training.indices, minlength=len(vectors)), dim),
    }
    return np.ascontiguousarray(vectors[:, choose[how]()])


def uniform(width: int, dim: int) -> Array:
    """Every floor(width / dim)-th dimension, from 0."""
    return np.arange(dim) * (width // dim)


def most_varied(vectors: Array, degree: Array, dim: int) -> Array:
    """The dimensions of largest variance over the most popular fifth of the items, ascending; ties in
    degree and in variance go to the smaller index."""
    popular = np.argsort(-degree, kind="stable")[: max(1, int(POPULAR * len(vectors)))]
    variance = vectors[popular].astype(np.float64).var(axis=0)
    return np.sort(np.argsort(-variance, kind="stable")[:dim])


def lsa(texts: Any, dim: int) -> Array:
    """Truncated SVD of the unit rows of the TF-IDF of words in the texts: no language model.

    Raises:
        UsageError: the texts have too few distinct words.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b").fit_transform(texts)
    if dim >= rows.shape[1]:
        raise UsageError(f"dim={dim} is too many for item texts of {rows.shape[1]} distinct words")
    return np.asarray(TruncatedSVD(dim, random_state=0).fit_transform(rows), np.float32)


def scaled(items: Array, rms: float) -> Array:
    """The table brought to a root mean square; as it is where that is 0."""
    if rms <= 0:
        return items
    return np.asarray(items * (rms / np.sqrt(np.mean(np.square(items, dtype=np.float64)))), np.float32)


def _xavier(rows: int, dim: int, rng: Generator) -> Array:
    bound = np.sqrt(6 / (rows + dim))
    return rng.uniform(-bound, bound, (rows, dim)).astype(np.float32)


def _normal(rows: int, dim: int, rng: Generator) -> Array:
    return rng.normal(0, 0.1, (rows, dim)).astype(np.float32)
