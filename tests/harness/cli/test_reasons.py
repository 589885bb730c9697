"""Why attempts held no answer: wherever a run's counts are shown."""

import json
from pathlib import Path

import harness
from harness.results.reasons import reason_counts, reasons_text

SAID = ("Answer: 2", "5 or 6", "Answer: 5 or 6", "<think>hm", "no idea")
COUNTED = {"hedged": 2, "cut off": 1, "no statement": 1}


def test_reasons_are_counted_in_every_table(command):
    rows = [{"question": f"{n}+{n}?", "answer": str(2 * n)} for n in range(1, len(SAID) + 1)]
    said = [{"index": n, "completion": text} for n, text in enumerate(SAID)]
    for name, part in (("qa", rows), ("said", said)):
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)))
    asked = ("--task", "qa/custom", "-T", "data=qa.jsonl", "-T", "match=number", "--responses", "said.jsonl")
    (run,) = json.loads(command("score", *asked, "--json").out)["runs"]
    assert run["reasons"] == COUNTED and run["counts"]["no_answer"] == 4
    told = "no answer, or none to compare: hedged 2, cut off 1, no statement 1"
    assert told in command("score", *asked).out and told in command("show", run["run_id"][:12]).out
    table = harness.load("results")
    assert (table.reason_hedged == 2).all() and (table.reason_several == 0).all()
    assert "reason_cut_off" in command("results", "export").out.splitlines()[0]
    assert command("leaderboard", "build", "--out", "site").code == 0
    assert told[1:] in Path(f"site/runs/{run['run_id'][:12]}.html").read_text()


def test_a_record_from_before_reasons_were_counted_has_none():
    assert reasons_text({}) == "" and {*reason_counts({}).values()} == {None}
