"""Content hashes: stable, order-free, and not to be stopped by hostile text."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.digest import canonical_json, digest, seed_of, set_digest

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # lone surrogates included
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(list(value))}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_the_order_of_keys_does_not_matter(value):
    assert digest(reordered(value)) == digest(value)
    assert len(digest(value)) == 64


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_canonical_json_is_json_and_a_fixed_point(value):
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXT.map(digest), max_size=6), st.randoms())
def test_a_set_has_one_digest(items, random):
    shuffled = random.sample(items, len(items))
    assert set_digest(shuffled) == set_digest(items)


@settings(max_examples=50, deadline=None)
@given(TEXT, st.integers())
def test_seeds_fit_63_bits_and_accept_any_text(text, number):
    assert 0 <= seed_of(text, number) < 2**63
    assert seed_of(text, number) == seed_of(text, number)


def test_values_that_differ_have_different_digests():
    values = [None, True, 1, "1", [1], {"1": 1}, [[1]], "", [], {}, "a\ud800", "a"]
    assert len({digest(value) for value in values}) == len(values)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_json_is_refused(value):
    with pytest.raises(ValueError):
        digest([value])
    with pytest.raises(TypeError):
        digest({1, 2})


def test_the_hash_seed_of_python_does_not_matter():
    value = {"b": [1, 2.5, "ü\ud800"], "a": {"y": None, "x": True}}
    program = (
        "from harness.base.digest import digest, seed_of\n"
        "print(digest({'a': {'x': True, 'y': None}, 'b': [1, 2.5, 'ü\\ud800']}), seed_of('a', 1))"
    )
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.split() == [digest(value), str(seed_of("a", 1))]
