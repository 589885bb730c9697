"""How far the formats of format_sensitivity lie apart, against numbers made by hand."""

from statistics import stdev

import pytest

from harness.registry import load_task, registry
from harness.sample import Outcome, Question, Sample, Score


@pytest.mark.parametrize(
    "right, wanted",
    [
        ({"a": [1, 1, 1, 0], "b": [1, 0, 0, 0], "c": [1, 1, 0, 0]}, (0.5, stdev([0.75, 0.25, 0.5]))),
        ({"a": [1, 1], "b": [1, 1]}, (0.0, 0.0)),
        ({"a": [1, 0], "b": [1, 1]}, (0.5, stdev([0.5, 1.0]))),
        ({"a": [0, 0], "b": [1, 1]}, (1.0, stdev([0.0, 1.0]))),
        ({"a": [1, 0, 0, 0]}, (0.0, 0.0)),
    ],
)
def test_largest_less_smallest_and_their_spread(right, wanted, monkeypatch):
    spec = registry().task("bfcl/format_sensitivity")
    task = load_task(spec, spec.arguments({}))
    cases = [(form, value) for form, values in right.items() for value in values]
    samples = [Sample(Question(str(n), "?"), None, categories=(form,)) for n, (form, _) in enumerate(cases)]
    outcomes = [Outcome(sample.id, 0, "") for sample in samples]
    scores = [Score({"accuracy": float(value)}) for _, value in cases]
    monkeypatch.setattr(type(task), "score_all", lambda self, *given: scores)
    found = task.measure_set(None, samples, outcomes)
    assert (found["max_delta"], found["std"]) == pytest.approx(wanted) and len(found) == 2
    other = registry().task("bfcl/simple_python")
    assert load_task(other, other.arguments({})).measure_set(None, samples, outcomes) == {}
