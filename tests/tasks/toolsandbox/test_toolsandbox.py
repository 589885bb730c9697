"""ToolSandbox: recorded similarities again. HARNESS_TOOLSANDBOX_SOURCE names a checkout."""

import gzip
import json
import os
from pathlib import Path

import pytest

from harness.registry import registry
from harness.setup import install
from tasks.toolsandbox.adapter import SECONDS, workers
from tasks.toolsandbox.results import names, read

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "recorded_agents" / "toolsandbox"
SOURCE = os.environ.get("HARNESS_TOOLSANDBOX_SOURCE")


def rows(name):
    raw = (RECORDED / name).read_bytes()
    text = gzip.decompress(raw).decode() if name.endswith(".gz") else raw.decode()
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


@pytest.mark.skipif(not SOURCE, reason="needs a checkout of ToolSandbox in HARNESS_TOOLSANDBOX_SOURCE")
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded dialogues are not beside the checkout")
def test_every_recorded_similarity(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    pool = workers(install("toolsandbox", source=Path(SOURCE)))
    (readme,) = rows("readme_trajectory.json")
    scripted = rows("scripted_replays_official_scores.jsonl.gz")
    requests = [
        {"do": "score", "scenario": row["scenario"], "context": row["execution_context"],
         "messages": row.get("messages")} for row in [readme, *scripted]
    ]  # fmt: skip
    found = [row if isinstance(row, dict) else str(row) for row in pool.each(requests, SECONDS)]
    assert found[0]["similarity"] == 0.9706467684812784
    differ = [
        (row["scenario"], row["kind"], mine, row["similarity"])
        for row, mine in zip(scripted, found[1:], strict=True)
        if isinstance(mine, str) or mine["similarity"] != pytest.approx(row["similarity"], abs=1e-12)
    ]
    assert len(scripted) == 402 and not differ, (len(differ), differ[:5])
    idle = [mine["similarity"] for row, mine in zip(scripted, found[1:], strict=True)
            if row["kind"] == "unhelpful"]  # fmt: skip
    assert len(idle) == 129 and sum(idle) / 129 == pytest.approx(0.20986, abs=5e-6)


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded dialogues are not beside the checkout")
def test_recorded_files_are_read_with_repeats_as_epochs():
    path = RECORDED / "scripted_replays_official_scores.jsonl.gz"
    assert names(path) == ["toolsandbox/all"]
    responses = read(path, "toolsandbox/all")
    keys = {(response.sample_id, response.epoch) for response in responses}
    assert len(responses) == len(keys) == 402


def test_the_task_is_listed_with_its_setup(tmp_path):
    assert registry().task("toolsandbox/all").setup["name"] == "toolsandbox"
    (tmp_path / "other.jsonl").write_text('{"id": 1}\n')
    assert names(tmp_path / "other.jsonl") == []
