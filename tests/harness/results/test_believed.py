"""What is kept of attempts that were found sound: in the store itself, by their paths in it."""

import json

from harness.results import verify
from harness.results.store import Store
from harness.testing import seal_scores


def test_what_was_found_sound_is_kept_in_the_store_by_the_paths_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "_stores", {})
    root = tmp_path / "results"
    seal_scores(root, [1, 0])
    (record,) = Store(root).records()
    verify.verified(record)
    verify._keep_all()
    (kept,) = [path for path in tmp_path.rglob("samples.*.json")]
    assert kept.parent == root / ".index"
    (place,) = (line for line in kept.read_text().split('"') if line.endswith("samples.parquet"))
    assert (root / place).is_file() and place.startswith("v1/")
    json.loads(kept.read_bytes())
