"""What the credit model sees of an agent: its last answer and text, its neighbours', and how they compare.

arXiv 2602.03688, from its presumed code (features and their order, the variant for numbers); spaces other
than options and one number are reconstructions: `text` answers are options by place, `open` ones have no
answer columns. Columns of an agent, with d_s = `Space.size` and D = the width of a text vector:

    own answer (d_s), own text (D), previous credit (1), neighbours' answer (d_s), neighbours' text (D), and
    nine scalars: agreement, dispersion, persistence and deviation, each for answer and text, and whether
    the agent has neighbours at all

Neighbours are the agents that it heard in the round before, weighted by the softmax of their credits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from harness.methods.agents.topology import Bits, Floats, Said, Space, Vectors

#: the last columns: four comparisons of answers and of texts, and whether there are neighbours
SCALARS = 9
#: the columns of both persistences, counted from the end
PERSISTENCE = slice(-5, -3)


def count(space: Space, width: int) -> int:
    """How many columns an agent has: 786 for four options and texts of 384 numbers."""
    return 2 * space.size + 2 * width + SCALARS + 1


def linear_columns(space: Space, width: int) -> list[int]:
    """The columns of the notes' linear model: own text, previous credit and the nine scalars."""
    last = count(space, width)
    return [*range(space.size, space.size + width + 1), *range(last - SCALARS, last)]


def neighbour_weights(credits: Floats, heard: Bits) -> Floats:
    """(B, N, N) the weight of each sender for each receiver: the softmax of the credits (B, N) over those
    that the receiver heard; rows of zeros where it heard nobody. Credits lie in [0, 1], so no weight is
    more than e times another."""
    raw = np.where(heard, np.exp(credits)[:, None, :], 0.0)
    total = raw.sum(-1, keepdims=True)
    found: Floats = _over(raw, total)
    return found


def features(
    space: Space, last: Said, first: Said, heard: Bits, credits: Floats, persistence: bool = True
) -> Vectors:
    """(B, N, columns) features from the last round.

    `last` and `first` are what was said in the last round and in round 0, `heard` (B, N, N) and `credits`
    (B, N) the graph and the credits of the last round. Without `persistence` its two columns are zero.
    """
    weights = neighbour_weights(credits, heard)
    has = heard.any(-1)
    numbers = space.kind == "number"
    answer = _number(last, first, weights) if numbers else _option(space.size, last, first, weights)
    text = _text(last, first, weights, numbers)
    batch, agents = credits.shape
    width = last.vectors.shape[-1]
    found = np.empty((batch, agents, count(space, width)), np.float32)
    edge = 0
    for block in (answer.own, text.own, credits[..., None], answer.centre, text.centre):
        found[..., edge : edge + block.shape[-1]] = block
        edge += block.shape[-1]
    for part in ("agreement", "dispersion", "persistence", "deviation"):
        for side in (answer, text):
            value = getattr(side, part)
            # what compares with neighbours is zero without any, persistence is not
            found[..., edge] = value if part == "persistence" else np.where(has, value, 0.0)
            edge += 1
    found[..., edge] = has
    if not persistence:
        found[..., PERSISTENCE] = 0.0
    return found


class _Compared(NamedTuple):
    """Own and neighbours' answer or text (B, N, d), and four comparisons (B, N)."""

    own: Floats | Vectors
    centre: Floats | Vectors
    agreement: Floats
    dispersion: Floats
    persistence: Floats
    deviation: Floats


def one_hot(size: int, said: Said) -> Floats:
    """(B, N, size) one-hot answers; zeros for those that can't be read or have no place of their own."""
    found: Floats = (said.answers[..., None] == np.arange(size)).astype(np.float64)
    return found


def entropy(centre: Floats) -> Floats:
    """Entropy of the neighbours' answers (..., d_s), 1 where they are spread evenly. The presumed code
    divides by log 4 whatever the number of options is; this divides by the logarithm of that number."""
    if centre.shape[-1] < 2:
        return np.zeros(centre.shape[:-1])
    logs = np.log(centre, out=np.zeros_like(centre), where=centre > 0)
    found: Floats = -(centre * logs).sum(-1) / np.log(centre.shape[-1])
    return found


def _option(size: int, last: Said, first: Said, weights: Floats) -> _Compared:
    own = one_hot(size, last)
    centre = weights @ own
    return _Compared(
        own=own,
        centre=centre,
        agreement=(own * centre).sum(-1),
        dispersion=entropy(centre),
        persistence=np.abs(own - one_hot(size, first)).sum(-1),
        deviation=np.abs(own - centre).sum(-1),
    )


def signed_log(value: Floats) -> Floats:
    """sign(z) log(1 + |z|), the scale on which numbers are compared."""
    found: Floats = np.sign(value) * np.log1p(np.abs(value))
    return found


def _number(last: Said, first: Said, weights: Floats) -> _Compared:
    """Numbers on the signed logarithmic scale. As in the presumed code the neighbours' centre is the mean of
    the numbers themselves, and their dispersion is around the mean of the logarithms. Neighbours without a
    number are left out of both, and comparisons with what isn't there are 0 (reconstructions)."""
    value, known = _values(last)
    before, known_before = _values(first)
    weights = weights * known[:, None, :]
    total = weights.sum(-1, keepdims=True)
    weights = _over(weights, total)
    own = signed_log(value)
    centre = signed_log((weights @ value[..., None])[..., 0])
    middle = (weights @ own[..., None])[..., 0]
    variance = (weights * (own[:, None, :] - middle[..., None]) ** 2).sum(-1)
    both = known & (total[..., 0] > 0)
    apart = _apart(own, centre)
    same = np.clip(1 - _apart(own, signed_log(before)), 0.0, 1.0)
    return _Compared(
        own=own[..., None],
        centre=centre[..., None],
        agreement=np.where(both, 1 - apart, 0.0),
        dispersion=np.tanh(variance / 5),
        persistence=np.where(known & known_before, same, 0.0),
        deviation=np.where(both, apart, 0.0),
    )


def _values(said: Said) -> tuple[Floats, Bits]:
    assert said.values is not None
    known = np.isfinite(said.values)
    return np.where(known, said.values, 0.0), known


def _apart(one: Floats, other: Floats) -> Floats:
    """|a - b| / max(|a|, |b|), in [0, 2]; 0 for two zeros."""
    largest = np.maximum(np.abs(one), np.abs(other))
    found: Floats = _over(np.abs(one - other), largest)
    return found


def _text(last: Said, first: Said, weights: Floats, numbers: bool) -> _Compared:
    """Text vectors. For numbers the vectors and their centre are scaled to length 1, and persistence is a
    likeness in [0, 1] in place of a distance."""
    own, before = last.vectors, first.vectors
    if numbers:
        own, before = _unit(own), _unit(before)
    centre = weights.astype(own.dtype) @ own
    if numbers:
        centre = _unit(centre)
    moved = _length(own - before)
    # ||e_j - centre_i||^2 from products, so that no (B, N, N, D) array is made; in double precision, since
    # the difference of squares is that of near numbers
    double = own.astype(np.float64), centre.astype(np.float64)
    squares = _squared(double[0])[:, None, :] + _squared(double[1])[..., None]
    squares -= 2 * double[1] @ double[0].swapaxes(1, 2)
    return _Compared(
        own=own,
        centre=centre,
        agreement=np.einsum("...d,...d->...", own, centre),
        dispersion=(weights * np.sqrt(np.maximum(squares, 0.0))).sum(-1) / 2,
        persistence=np.clip(1 - moved / 2, 0.0, 1.0) if numbers else moved,
        deviation=_length(own - centre),
    )


def _squared(vectors: Any) -> Any:
    return np.einsum("...d,...d->...", vectors, vectors)


def _length(vectors: Any) -> Any:
    return np.sqrt(_squared(vectors))


def _unit(vectors: Any) -> Any:
    return _over(vectors, _length(vectors)[..., None])


def _over(value: Any, by: Any) -> Any:
    """The quotient, 0 where `by` is 0."""
    return np.divide(value, by, out=np.zeros_like(value), where=by > 0)
