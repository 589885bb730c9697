"""kill -9 in the middle of a training that a model on a real server judges."""

import hashlib
import json
import multiprocessing
import time
from collections import Counter

import pytest

pytest.importorskip("torch", reason="the extra `train` is not installed")

from harness.model.factory import open_model
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from tests.harness.checklist.conftest import judgement

JUDGE = "openai-api/local/judge"
#: calls at once, and answers before the kill: of about 45, in the second of three steps
WIDTH, HELD = 4, 20
TRAINING = {
    "task": "toolworld/chain",
    "task_args": {"turns": 2, "style": "compact", "train": 6, "items": 2},
    "method": "cm2",
    "method_args": {
        **{"fit": "train", "judge": "model", "judge_mode": "turn"},
        **{"steps": 3, "prompts": 1, "rollouts": 2, "max_tokens": 4, "save_every": 1},
    },
    "model": "pocket/office",
    "roles": {"judge": JUDGE},
}


def train(folder, port):
    url = f"http://127.0.0.1:{port}/v1"
    session = Session(Store(folder))
    session.use(open_model(JUDGE, {"base_url": url, "api_key": "none"}, WIDTH))
    (result,) = run_grid(plan(Request(**TRAINING)), session).results
    return result


def curve(cache):
    (file,) = cache.glob("artifacts/*/curve.jsonl")
    rows = map(json.loads, file.read_text("utf-8").splitlines())
    return [{k: v for k, v in row.items() if not k.endswith("_s") and k != "asked"} for row in rows]


class Moody:
    """The same about a prompt in every training, and something else whenever it is asked again."""

    def __init__(self):
        self.asked = Counter()

    def __call__(self, messages):
        prompt = messages[-1]["content"]
        self.asked[prompt] += 1
        mood = hashlib.sha256(f"{self.asked[prompt]} {prompt}".encode()).digest()[0]
        return ("I would say yes." if mood < 30 else judgement(mood % 2 == 0)), []


@pytest.mark.faults
def test_it_goes_on_to_the_same_curve_and_no_answered_call_is_made_again(serve, tmp_path, monkeypatch):
    whole, cut = Moody(), Moody()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "whole"))
    other = train(tmp_path / "b", serve({"judge": whole}).server_port).record
    server = serve({"judge": cut})
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cut"))
    server.hold = HELD
    # spawn: what is forked from a process with threads may wait for ever for a lock that nobody holds
    killed = multiprocessing.get_context("spawn").Process(
        target=train, args=(tmp_path / "a", server.server_port)
    )
    killed.start()
    until = time.monotonic() + 240
    # each that waits has the place of one whose answer was kept
    while server.held < WIDTH and killed.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    killed.kill()
    killed.join()
    assert server.held == WIDTH and sum(cut.asked.values()) == server.hold
    assert list(tmp_path.glob("cut/workspaces/*/checkpoint-1/course.json")), "it was killed too early"
    server.hold = None
    record = train(tmp_path / "a", server.server_port).record
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole") and len(curve(tmp_path / "cut")) == 3
    assert cut.asked == whole.asked and max(cut.asked.values()) > 1  # what was no answer is asked again
    assert record["result_digest"] == other["result_digest"]
    used = [each["usage"]["by_purpose"]["judge"]["calls"] for each in (record, other)]
    assert used[0] == used[1] > HELD
