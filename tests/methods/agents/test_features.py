"""What the credit model sees: sizes, neighbours, dispersion, the variant for numbers, and a plain loop."""

import numpy as np
import pytest

from benchmarks.simulations import agents_loop
from harness.methods.agents.todycomm.features import (
    PERSISTENCE,
    count,
    entropy,
    features,
    linear_columns,
    neighbour_weights,
    signed_log,
)
from harness.methods.agents.topology import Said, Space

CHOICE = Space("choice", 4)
NUMBER = Space("number", 1)


def said(answers, vectors, values=None):
    answers = np.array(answers)
    return Said(answers, np.array(vectors, np.float32), np.ones(answers.shape, bool), values)


def a_round(rng, batch, agents, options, width):
    vectors = rng.normal(size=(batch, agents, width))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return said(rng.integers(-1, options, (batch, agents)), vectors)


def numbers(values, width=2):
    values = np.array([values], float)
    vectors = np.zeros((*values.shape, width), np.float32)
    vectors[..., 0] = 1
    return said(np.zeros(values.shape, int), vectors, values)


def scalars(found):
    names = ["agreement", "dispersion", "persistence", "deviation"]
    return dict(
        zip([f"{a} {b}" for a in names for b in ("answer", "text")] + ["has"], found[-9:], strict=True)
    )


@pytest.mark.parametrize(
    ("space", "columns"), [(NUMBER, 780), (CHOICE, 786), (Space("choice", 5), 788), (Space("open", 0), 778)]
)
def test_columns(space, columns):
    assert count(space, 384) == columns
    rng = np.random.default_rng(0)
    one = a_round(rng, 2, 3, max(space.size, 1), 384)
    one.values = rng.normal(size=(2, 3)) if space.kind == "number" else None
    found = features(space, one, one, np.zeros((2, 3, 3), bool), np.full((2, 3), 0.5))
    assert found.shape == (2, 3, columns) and found.dtype == np.float32


def test_the_linear_model_reads_26_columns_of_16_numbers():
    columns = linear_columns(CHOICE, 16)
    assert len(columns) == 26
    # own text and previous credit, then the scalars
    assert columns[:17] == list(range(4, 21)) and columns[17:] == list(range(41, 50))


def test_without_neighbours_in_the_first_round_all_comparisons_are_zero():
    one = a_round(np.random.default_rng(1), 3, 4, 4, 8)
    found = features(CHOICE, one, one, np.zeros((3, 4, 4), bool), np.full((3, 4), 0.5))
    assert not found[..., -9:].any()
    assert not found[..., 4 + 8 + 1 : -9].any()  # nor is there a neighbours' answer or text
    assert (found[..., 12] == 0.5).all()


def test_persistence_compares_with_the_first_round_also_without_neighbours():
    first, last = said([[0, 1]], [[[1, 0], [1, 0]]]), said([[2, 1]], [[[0, 1], [1, 0]]])
    heard = np.zeros((1, 2, 2), bool)
    turned, stayed = features(CHOICE, last, first, heard, np.full((1, 2), 0.5))[0]
    assert scalars(turned)["persistence answer"] == 2
    assert scalars(turned)["persistence text"] == pytest.approx(2**0.5)
    assert scalars(stayed)["persistence answer"] == scalars(stayed)["persistence text"] == 0
    without = features(CHOICE, last, first, heard, np.full((1, 2), 0.5), persistence=False)
    assert not without[..., PERSISTENCE].any()
    assert without.shape == (1, 2, count(CHOICE, 2))


def test_weights_of_neighbours():
    heard = np.zeros((1, 3, 3), bool)
    heard[0, 0, 1:] = True
    weights = neighbour_weights(np.array([[0.5, 0.9, 0.1]]), heard)
    assert weights[0, 0] == pytest.approx([0, 0.68997, 0.31003], abs=1e-4)
    assert not weights[0, 1:].any()
    extreme = neighbour_weights(np.array([[0.5, 1.0, 0.0]]), heard)[0, 0]
    assert extreme[1] / extreme[2] == pytest.approx(np.e)


@pytest.mark.parametrize(
    ("centre", "expected"),
    [
        ((0.5, 0.5, 0, 0), 0.5),
        ((0.25,) * 4, 1),
        ((0, 1, 0, 0), 0),
        ((0.69, 0.31, 0, 0), 0.4466),
        ((0.5, 0.5, 0, 0, 0), 0.43068),
        ((1,), 0),
        ((), 0),
    ],
)
def test_dispersion_of_answers(centre, expected):
    assert entropy(np.array(centre, float)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("options", [4, 5])
def test_a_batch_equals_the_plain_loop(options):
    rng, space = np.random.default_rng(options), Space("choice", options)
    for _ in range(3):
        first, last = (a_round(rng, 5, 6, options, 16) for _ in range(2))
        credits, heard = rng.random((5, 6)), rng.random((5, 6, 6)) < 0.3
        found = features(space, last, first, heard, credits)
        for b in range(5):
            for i in range(6):
                expected = agents_loop.features(
                    i,
                    options,
                    last.answers[b],
                    last.vectors[b],
                    first.answers[b],
                    first.vectors[b],
                    heard[b],
                    credits[b],
                )
                assert found[b, i] == pytest.approx(expected, abs=1e-6)


def test_swapped_edges_give_other_features():
    rng = np.random.default_rng(3)
    one = a_round(rng, 1, 3, 4, 8)
    heard = np.zeros((1, 3, 3), bool)
    heard[0, 2, 0] = True  # 2 hears 0
    found = features(CHOICE, one, one, heard, np.full((1, 3), 0.5))
    assert found[0, :, -1].tolist() == [0, 0, 1]
    assert found[0, 2, 13:17] == pytest.approx(found[0, 0, :4])


def test_answers_without_a_place_are_zeros():
    one = said([[-1, 7, 3]], np.eye(3)[None])
    found = features(CHOICE, one, one, np.zeros((1, 3, 3), bool), np.full((1, 3), 0.5))
    assert found[0, :, :4].tolist() == [[0] * 4, [0] * 4, [0, 0, 0, 1]]


def test_numbers_are_compared_by_signed_logarithms():
    assert signed_log(np.array([18, 36, -18, 0.0])) == pytest.approx(
        [2.94444, 3.61092, -2.94444, 0], abs=1e-4
    )
    one, heard = numbers([18, 36]), np.zeros((1, 2, 2), bool)
    heard[0, 0, 1] = True
    found = features(NUMBER, one, one, heard, np.full((1, 2), 0.5))[0, 0]
    assert found[0] == pytest.approx(2.94444, abs=1e-4)
    seen = scalars(found)
    assert seen["agreement answer"] == pytest.approx(0.81543, abs=1e-4)
    assert seen["deviation answer"] == pytest.approx(1 - 0.81543, abs=1e-4)
    # a number's persistence is likeness to the first answer, 1 for the same
    assert seen["persistence answer"] == seen["persistence text"] == 1


def test_the_centre_of_numbers_is_raw_and_their_dispersion_logarithmic():
    one, heard = numbers([5, 18, 36]), np.zeros((1, 3, 3), bool)
    heard[0, 0, 1:] = True
    found = features(NUMBER, one, one, heard, np.full((1, 3), 0.5))[0, 0]
    raw, middle = 3.33220, 3.27768
    assert found[1 + 2 + 1] == pytest.approx(raw, abs=1e-4)
    spread = ((2.94444 - middle) ** 2 + (3.61092 - middle) ** 2) / 2
    assert scalars(found)["dispersion answer"] == pytest.approx(np.tanh(spread / 5), abs=1e-5)


def test_what_is_no_number_is_left_out_and_compared_with_nothing():
    one, heard = numbers([4, np.nan, 18, np.inf]), np.zeros((1, 4, 4), bool)
    heard[0, 0, 1:] = heard[0, 1, 2] = True
    found = features(NUMBER, one, one, heard, np.full((1, 4), 0.5))[0]
    assert np.isfinite(found).all()
    assert found[0, 4] == pytest.approx(np.log(19))  # of the three neighbours one said a number
    mute = scalars(found[1])
    assert mute["agreement answer"] == mute["deviation answer"] == mute["persistence answer"] == 0
    assert mute["has"] == 1
