"""`--dry-run`: the plan in text and JSON, and a task whose data are missing."""

import json

import pytest


def test_text(command, tmp_path):
    done = command(
        "eval",
        "--task",
        "arc1d,countdown",
        "--method",
        "direct,self-consistency",
        "-T",
        "level=1",
        "-M",
        "samples=4",
        "--limit",
        "50",
        "--epochs",
        "2",
        "--dry-run",
    )
    assert done.code == 0 and not (tmp_path / "results").exists()
    assert "4 cells, about 1000 calls" in done.out  # 2 tasks x (100 + 400)
    assert "arc1d x self-consistency x pocket/grid" in done.out and "400" in done.out
    assert "points" in done.out and "80 % power" in done.out


def test_json(command):
    done = command("eval", "--task", "arc1d", "--method", "direct", "-T", "level=1", "--dry-run", "--json")
    (line,) = done.out.splitlines()
    (cell,) = json.loads(line)["plan"]
    assert (cell["items"], cell["epochs"], cell["calls"]) == (200, 1, 200)
    assert 0 < cell["smallest_detectable_difference"] < 0.5
    smaller = json.loads(
        command("eval", "--task", "arc1d", "-T", "level=1", "--epochs", "8", "--dry-run", "--json").out
    )["plan"][0]
    assert smaller["smallest_detectable_difference"] < cell["smallest_detectable_difference"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_missing_data_are_named_and_the_rest_is_planned(command, tmp_path, form):
    (tmp_path / "mirror").mkdir()
    done = command(
        "eval",
        "--task",
        "gsm8k,arc1d",
        "-T",
        "arc1d.level=1",
        "--offline",
        "--mirror",
        "mirror",
        "--dry-run",
        *form,
    )
    assert done.code == 1 and "Traceback" not in done.err
    if form:
        missing, sound = json.loads(done.out)["plan"]
        assert "openai/gsm8k is not in the mirror" in missing["error"] and sound["calls"] == 200
    else:
        assert "openai/gsm8k is not in the mirror" in " ".join(done.out.split()) and "200" in done.out
    assert command("eval", "--task", "gsm8k", "--offline", "--mirror", "mirror", "--dry-run").code == 2


def test_a_task_that_cannot_load_is_named_with_its_place(command, plugin):
    done = command("eval", "--task", "colours-broken-load", "--dry-run", "--json")
    assert done.code == 2 and "harness-thirdparty" in json.loads(done.out)["plan"][0]["error"]


def test_a_dialogue_takes_at_least_a_call(command):
    arguments = ("eval", "--task", "toolworld/single", "--method", "react", "--epochs", "4", "--dry-run")
    (cell,) = json.loads(command(*arguments, "--json").out)["plan"]
    assert (cell["calls"], cell["calls_are_at_least"]) == (240, True)
    text = command(*arguments).out
    assert "at least 240 calls" in text and "about" not in text
    single = ("eval", "--task", "arc1d", "-T", "level=1", "--dry-run")
    assert json.loads(command(*single, "--json").out)["plan"][0]["calls_are_at_least"] is False
    assert "about 200 calls" in command(*single).out


METHOD = '''
from harness.method import Method
class Guess(Method):
    """Guesses."""
    async def fit(self, job): ...
    async def answer(self, question, job): ...
class Broken(Guess):
    def calls(self, n_questions, splits):
        return 1 / 0
'''


def test_what_a_method_cannot_tell_is_a_question_mark(command, tmp_path):
    (tmp_path / "own.py").write_text(METHOD)
    own, arguments = str(tmp_path / "own.py"), ("--task", "arc1d", "-T", "level=1", "--dry-run")
    done = command("eval", "--method", f"direct,{own}:Guess", *arguments)
    assert done.code == 0 and " ? " in done.out and "at least 200 calls" in done.out
    broken = command("eval", "--method", f"{own}:Broken", *arguments)
    assert broken.code == 2
    assert "calls of 'broken' failed at own.py:9: ZeroDivisionError: division by zero" in broken.out


def test_a_number_of_calls_that_cannot_be_is_no_plan(command):
    done = command(*"eval --task arc1d --method best-of-n -M n=-3 --limit 2 --dry-run".split())
    assert done.code == 2 and "-6 calls can't be made" in done.out and "about 0 calls" in done.out


PRICES = '[prices."own/priced"]\ninput = 2.0\noutput = 10.0\n'


@pytest.fixture
def questions(tmp_path):
    """Forty questions of 40 bytes each, and rows for demonstrations."""
    for name, start in (("qa", 1000), ("shots", 2000)):
        rows = [{"question": f"{n}".ljust(40, "x"), "answer": "yes"} for n in range(start, start + 40)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "harness.toml").write_text(PRICES)
    return ("eval", "--task", "qa/custom", "-T", "data=qa.jsonl", "-T", "train=shots.jsonl", "--dry-run")


def cells(command, *arguments):
    done = command(*arguments, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    return {row["cell"].split(" x ", 1)[1]: row for row in found["plan"]}, found["total"]


def test_tokens_and_cost_are_those_of_the_prompts(command, questions, tmp_path):
    """A prompt of 40 bytes and a system message of 8: (10 + 4) + (2 + 4) tokens."""
    own = ("--model", "own/priced", "-T", "prompt={input}", "--system", "be brief", "--max-tokens", "100")
    (row,), total = (list(part.values()) for part in cells(command, *questions, *own, "--epochs", "2"))
    assert (row["calls"], row["input_tokens"], row["output_tokens"]) == (80, 80 * 20, [80 * 16, 80 * 100])
    low, high = ((80 * 20 * 2 + out * 10) / 1e6 for out in row["output_tokens"])
    assert row["cost_usd"] == [pytest.approx(low), pytest.approx(high)] and not row["unpriced"]
    assert row["input_tokens"] in total and row["cost_usd"] in total
    assert not (tmp_path / "results").exists()


def test_what_a_method_adds_is_counted(command, questions):
    own = (*questions, "--model", "own/priced", "-T", "prompt={input}", "-M", "k=3")
    found, total = cells(command, *own, "--method", "direct,cot,few-shot,self-consistency", "-M", "samples=3")
    direct, cot, shots, votes = (
        found[f"{name} x own/priced"] for name in ("direct", "cot", "few-shot", "self-consistency")
    )
    assert direct["input_tokens"] == 40 * 14 and direct["output_tokens"] == [40 * 16, 40 * 1024]
    assert votes["calls"] == 120 and votes["input_tokens"] == 120 * 14
    assert cot["input_tokens"] > direct["input_tokens"] + 40 * 20
    assert shots["input_tokens"] == 40 * (4 * 14 + 3 * (4 + 1))  # three more questions, three answers
    assert not any(row["tokens_are_at_least"] for row in found.values())
    assert total["input_tokens"] == sum(row["input_tokens"] for row in found.values())


def test_methods_that_announce_something_are_planned_without_a_client(command, questions):
    own = (*questions, "--model", "own/priced", "--role", "agent2=own/other", "--temperature", "0.3")
    arguments = ("-M", "agents=2", "-M", "rounds=2", "-M", "n=3")
    found, total = cells(command, *own, "--method", "debate,best-of-n", *arguments)
    assert found["debate x own/priced"]["calls"] == 40 * 4
    assert found["best-of-n x own/priced"]["calls"] == 40 * 3
    said = command(*own, "--method", "debate,best-of-n", *arguments)
    assert "debate samples at its own temperature" in said.out + said.err


def test_a_price_that_is_not_known_is_never_nothing(command, questions):
    own = (*questions, "--model", "own/priced,own/other")
    found, total = cells(command, *own)
    assert found["direct x own/other"]["cost_usd"] is None
    assert found["direct x own/other"]["unpriced"] == ["own/other"] == total["unpriced"]
    assert total["cost_usd"] == found["direct x own/priced"]["cost_usd"]
    text = command(*own).out
    assert "no price is known of own/other" in text and "tokens: one for 4 bytes" in text
    assert "USD unknown" in command(*questions, "--model", "own/other").out


def test_a_judge_of_answers_is_counted_with_its_own_price(command, questions):
    own = (*questions, "--model", "own/priced", "--method", "best-of-n", "-M", "n=2", "-M", "scorer=judge")
    found, _ = cells(command, *own, "--role", "judge=own/other")
    row = found["best-of-n x own/priced"]
    assert row["calls"] == 160 and row["unpriced"] == ["own/other"] and row["cost_usd"] is None
    votes = (*questions, "--model", "own/priced", "--method", "self-consistency", "-M", "samples=300")
    found, _ = cells(command, *votes, "-T", "match=judge", "-T", "votes=3", "--role", "judge=own/priced")
    row = found["self-consistency x own/priced"]  # more calls than are played: their mean stands for the rest
    assert row["calls"] == 40 * (300 + 3) and not row["tokens_are_at_least"]
    assert row["input_tokens"] > 40 * (300 * 14 + 3 * 200)


def test_every_item_that_is_played_counts_alike(command, tmp_path):
    """However many answers each takes: the first item, which is long, doesn't stand for the others."""
    rows = [{"question": "word " * (1000 if n == 0 else 1), "answer": "4"} for n in range(8)]
    (tmp_path / "qa.jsonl").write_text("\n".join(map(json.dumps, rows)))
    grid = ("eval", "--task", "qa/custom", "-T", "data=qa.jsonl", "--model", "echo/4", "--dry-run")
    one, _ = cells(command, *grid)
    many, _ = cells(command, *grid, "--method", "self-consistency", "-M", "samples=100")
    tokens = [
        found[f"{name} x echo/4"]["input_tokens"]
        for found, name in ((one, "direct"), (many, "self-consistency"))
    ]
    assert tokens[1] == 100 * tokens[0]


def test_what_a_pool_adds_is_not_known_before(command, tmp_path):
    rows = [{"text": f"{'ab'[n % 2]} {n}", "label": "ab"[n % 2]} for n in range(40)]
    for name, part in (("test", rows[:10]), ("train", rows[10:])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)))
    data = ("-T", "data=test.jsonl", "-T", "train=train.jsonl")
    grid = (
        "eval",
        "--task",
        "classify/custom",
        *data,
        "--method",
        "testnuc",
        "--dry-run",
        "--model",
        "echo/a",
    )
    found, _ = cells(command, *grid)
    assert found["testnuc x echo/a"]["tokens_are_at_least"] and not (tmp_path / "cache/artifacts").exists()
    assert "at least: what the method of 1 cell adds" in command(*grid).out


def test_the_tokens_of_a_dialogue_are_not_known(command):
    grid = ("eval", "--task", "toolworld/single", "--method", "react", "--dry-run", "--model", "echo/a")
    found, total = cells(command, *grid)
    assert found["react x echo/a"]["input_tokens"] is None and total["input_tokens"] is None
    assert "Tokens and USD aren't known before" in command(*grid).out


def test_a_method_that_draws_is_planned_by_its_seeds(command):
    given = ("--task", "arc1d", "--method", "direct,few-shot", "-T", "level=1", "--dry-run")
    five = (*given, "--seeds", "3", "--planned-effect", "0.05", "--json")
    plan = json.loads(command("eval", *five).out)["plan"]
    by = {row["cell"].split(" x ")[1]: row for row in plan}
    assert by["few-shot"]["seeds_needed"] >= 2 and by["few-shot"]["epochs_needed"] is None
    assert by["direct"]["epochs_needed"] >= 1 and by["direct"]["seeds_needed"] is None
    assert by["few-shot"]["smallest_detectable_difference"] > by["direct"]["smallest_detectable_difference"]
    assert any("runs of an arm vary" in line for line in by["few-shot"]["noise"])
    wished = json.loads(command("eval", *given, "--planned-effect", "0.2", "--json").out)["plan"][1]
    assert wished["effect"] == 0.2 and wished["of_these_runs"] and wished["power"] > 0.5
    assert "on these runs only" in command("eval", *given).out


def test_a_run_that_was_stopped_before_its_first_item_tells_nothing(command):
    cell = ("eval", "--task", "arc1d", "-T", "level=1", "--limit", "3", "--method", "direct")
    stopped = command(*cell, "--budget-calls", "0")
    assert "is spent" in stopped.out + stopped.err
    told = command(*cell, "--dry-run")
    assert told.code == 0 and "an assumption" in told.out


def test_a_training_that_is_only_planned_leaves_nothing_to_be_found(command, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    for name, size in (("rows", 8), ("train", 80)):
        rows = [f"{name} {n},{'xy'[n % 2]}" for n in range(size)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows]))
    task = ["eval", "--task", "classify/custom", "-T", "data=rows.csv", "-T", "train=train.csv", "--dry-run"]
    learner = ["--method", "gptswarm", "-M", "agents=2", "-M", "rounds=1", "-M", "updates=2"]
    found, _ = cells(command, *task, *learner, "--model", "echo/x")
    (row,) = found.values()
    assert row["calls"] == (8 + 2 * 4 + 2 * 8) * 2  # dev is measured before and after
    kept = [folder for folder in ("artifacts", "workspaces") if (tmp_path / "cache" / folder).exists()]
    assert not kept
