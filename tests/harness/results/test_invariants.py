"""What a metric of a record can't be, each in its own words."""

import pytest

from harness.results.invariants import metric_faults
from harness.spec import MetricRange

SOUND = {"value": 0.5, "scored_only": 0.6, "ci": [0.4, 0.6], "ci_method": "t", "n_items": 4, "n_clusters": 4}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"value": 0.0, "ci": [0.0, 0.1]}, []),
        ({"value": 1.0, "ci": [0.9, 1.0]}, []),
        ({"value": 1.5, "ci": [1.4, 1.6]}, ["accuracy = 1.5 is outside 0.0 to 1.0"]),
        ({"scored_only": -0.5}, ["accuracy of scored attempts = -0.5 is outside 0.0 to 1.0"]),
        ({"scored_only": None}, []),
        ({"value": 0.7}, ["the interval of accuracy, 0.4 to 0.6, doesn't hold its value 0.7"]),
        ({"ci": None}, ["accuracy has no interval, made by 't'"]),
        ({"ci_method": "none"}, ["accuracy has an interval, made by 'none'"]),
        ({"n_items": 5}, ["accuracy is of 5 items, and there are 4"]),
        ({"n_items": None, "n_clusters": 4}, []),
        ({"n_items": 3, "n_clusters": 4}, ["accuracy has more clusters than items"]),
    ],
)
def test_what_a_metric_can_not_be(change, said):
    assert list(metric_faults("accuracy", SOUND | change, MetricRange(0.0, 1.0, False), 4)) == said
