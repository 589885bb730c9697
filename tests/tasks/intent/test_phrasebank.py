"""Financial PhraseBank on a made-up repository of MTEB's shape: text and label number, one split."""

import pytest

from harness.base.errors import DataError
from harness.testing import check_task

ID = "mteb/FinancialPhrasebankClassification"
ROWS = [{"text": f"Sales of unit {n} moved.", "label": n % 3} for n in range(90)]


def test_shape_and_contract(hub):
    hub.add(ID, {("default", "train"): [*ROWS, ROWS[0]]})
    check_task("financial-phrasebank", hub.data)
    task, splits = hub.load("financial-phrasebank")
    assert splits.test[0].question.choices == ("negative", "neutral", "positive")
    assert len(splits.test) == pytest.approx(18, abs=1)
    gold = {row["text"]: ("negative", "neutral", "positive")[row["label"]] for row in ROWS}
    assert all(gold[s.question.input] == s.target for part in (splits.test, splits.train) for s in part)


def test_a_copy_of_another_shape_is_an_error(hub):
    hub.add(ID, {("default", "train"): [{"sentence": "x", "label": 1}]})
    with pytest.raises(DataError, match="no column 'text'"):
        hub.load("financial-phrasebank")
