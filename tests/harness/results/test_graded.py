"""Whether an attempt can be wrong: graded metrics have no such count."""

import pytest

from harness.display.records import record_blocks
from harness.results.graded import wrong_attempts
from harness.results.store import Store
from harness.spec import MetricRange
from harness.testing import seal_scores


def record(root, scores, **more):
    seal_scores(root, scores, **more)
    store = Store(root)
    (folder,) = store.folders()
    return store.read(folder)


@pytest.mark.parametrize(
    ("scores", "more", "wrong"),
    [
        ([1, 0, 0, 1], {}, 2),
        ([[1, 0], [0, 0], [1, 1]], {}, 3),
        ([1, 0, 0, 1], {"groups": ["a", "a", "b", "b"]}, 2),
        ([0.3, 0.0, 1.0, 0.5], {}, None),
        ([[1, 0.5], [0, 0]], {}, None),
        ([0, 100, 100], {"metric_range": MetricRange(0.0, 100.0)}, 1),
        ([12.5, 0.0, 100.0], {"metric_range": MetricRange(0.0, 100.0)}, None),
        ([0, 1, 1], {"metric_range": MetricRange(lower_is_better=True)}, 2),
    ],
)
def test_wrong_attempts_are_counted_where_there_are_no_grades(tmp_path, scores, more, wrong):
    sealed = record(tmp_path, scores, **more)
    assert wrong_attempts(sealed) == wrong
    table = record_blocks([sealed])[0]
    assert table.rows[0][list(table.names).index("wrong")] == ("" if wrong is None else str(wrong))
