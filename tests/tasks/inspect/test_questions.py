"""Inspect tasks whose solver asks once: their prompts and scores are those of `inspect eval`, and every
method runs on them."""

import hashlib
import importlib
import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import ChatMessageAssistant, Logprob, Logprobs, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import value_to_float

import harness
from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.model.provider import Provider
from harness.registry import load_task, registry, settled
from harness.results import load_samples
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.rescore import rescore
from harness.run.session import Session
from harness.sample import Outcome

HUB = Path(__file__).parents[4] / "shared" / "hub"

TASKS = """
import random
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import (Score, answer, choice, exact, f1, includes, match, model_graded_fact, pattern,
                               scorer)
from inspect_ai.solver import (assistant_message, chain_of_thought, generate, multiple_choice, solver,
                               prompt_template, system_message, user_message)

COLOURS = ["red", "green", "blue", "grey"]


def sums(n=8):
    return [Sample(f"{k} + {k} apples?", target=str(2 * k), metadata={"unit": "apples"}) for k in range(n)]


def colours(n=12):
    return MemoryDataset([
        Sample(f"Thing {k}?", choices=COLOURS[: 3 + k % 2], target="ABC"[k % 3], id=f"c{k}") for k in range(n)
    ])


@task
def numeric():
    steps = [system_message("Count {unit}."), prompt_template("Now: {prompt} ({unit})"), chain_of_thought(),
             generate(temperature=0.25)]
    config = GenerateConfig(max_tokens=77)
    return Task(dataset=sums(), solver=steps, scorer=match(numeric=True), config=config)


@task
def begins():
    config = GenerateConfig(system_message="Speak.")
    return Task(dataset=sums(), solver=generate(), scorer=match("begin", ignore_case=False), config=config)


@task
def anywhere():
    return Task(dataset=sums(), solver=generate(), scorer=match("any", numeric=True))


@task
def contains():
    return Task(dataset=sums(), solver=[user_message("Be brief."), generate()], scorer=includes())


@task
def patterned():
    return Task(dataset=sums(), solver=generate(), scorer=pattern(r"ANSWER: *(\\d+)"))


@task
def lined():
    return Task(dataset=sums(), solver=[chain_of_thought(), generate()], scorer=answer("line"))


@task
def overlapping():
    data = [Sample("Say it.", target=["the red fox", "a fox"]), Sample("Say 2 + 2 apples.", target="4")]
    return Task(dataset=data, solver=generate(), scorer=f1())


@task
def spoken():
    turns = [ChatMessageSystem(content="S"), ChatMessageUser(content="1 + 0 apples?"),
             ChatMessageAssistant(content="1"), ChatMessageUser(content="2 + 2 apples?")]
    asked = [[ChatMessageUser(content=f"{k} + {k} apples?")] for k in range(9)]
    more = [Sample(given, target=["none", str(2 * k)]) for k, given in enumerate(asked)]
    return Task(dataset=[Sample(turns, target="4"), *more], solver=generate(), scorer=exact())


@task
def choices():
    data = colours()
    data.shuffle_choices(seed=5)
    return Task(dataset=data, solver=multiple_choice(cot=True), scorer=choice())


@task
def several():
    data = [Sample(f"Things {k}?", choices=COLOURS, target=["A", "C"], id=f"s{k}") for k in range(6)]
    return Task(dataset=data, solver=multiple_choice(multiple_correct=True), scorer=choice())


@task
def shuffled():
    return Task(dataset=colours(), solver=multiple_choice(shuffle=random.Random(3)), scorer=choice())


@task
def graded():
    return Task(dataset=sums(), solver=generate(), scorer=model_graded_fact(partial_credit=True))


@scorer(metrics=[])
def parity():
    async def score(state, target):
        return Score(value=len(state.output.completion) % 2, explanation=f"of {state.metadata['unit']}")

    return score


@solver
def framed():
    async def solve(state, generate):
        state.store.set("frame", "[{}]")
        state.user_prompt.text = state.store.get("frame").format(state.user_prompt.text)
        state = await generate(state)
        state.output.completion = state.output.completion.strip("*")
        return state

    return solve


@task
def own_code():
    return Task(dataset=sums(), solver=framed(), scorer=parity())


@solver
def doubtful():
    async def solve(state, generate):
        state = await generate(state)
        if "unsure" in state.output.completion:
            state = await generate(state)
        return state

    return solve


@task
def retried():
    return Task(dataset=sums(3), solver=doubtful(), scorer=includes())


@solver
def rolled():
    async def solve(state, generate):
        state.user_prompt.text += f" {random.random()}"
        return await generate(state)

    return solve


@task
def random_prompt():
    return Task(dataset=sums(), solver=rolled(), scorer=includes())


@task
def opened():
    return Task(dataset=sums(), solver=[assistant_message("It is"), generate()], scorer=includes())


@scorer(metrics=[])
def by_name():
    async def score(state, target):
        return Score(value={"form": 0.5, "length": 12})

    return score


@task
def valued():
    return Task(dataset=sums(), solver=generate(), scorer=by_name())


@scorer(metrics=[])
def self_graded():
    async def score(state, target):
        from inspect_ai.model import get_model
        return Score(value="C" if "4" in (await get_model().generate("right?")).completion else "I")

    return score


@task
def itself():
    return Task(dataset=sums(), solver=generate(), scorer=self_graded())
"""


def said(messages):
    """What the scripted model replies: by the words alone, in many forms, right and wrong ones."""
    prompt = messages[-1].text
    at = int(hashlib.sha256(str(sorted(re.split(r"\W", prompt))).encode()).hexdigest(), 16)
    options = dict(re.findall(r"^([A-Z])\) (\w+)$", prompt, re.M))
    if "LETTERS is one or more" in prompt:
        return ["ANSWER: A,C", "ANSWER: AC", "ANSWER: B", "A and C", "ANSWER: C, A"][at % 5]
    if options:
        letter = next((key for key, text in options.items() if text == ("red", "green")[at % 2]), "A")
        return [f"ANSWER: {letter}", f"I think\nANSWER: {letter.lower()}.", "none of them", letter][
            at // 2 % 4
        ]
    told = "\n".join(message.text for message in messages)
    number = next((2 * int(n) for n in re.findall(r"(\d+) \+ \1 apples", told)), 4)
    at = int(hashlib.sha256(told.encode()).hexdigest(), 16)
    forms = (
        "ANSWER: {}",
        "{}",
        "{} apples it is",
        "It is **{}**.",
        "so\n\nANSWER: {}\n",
        "a FOX",
        "",
        "i say {}!",
    )
    return forms[at % 8].format(number + (at // 8 % 3 == 0))


def judged(messages):
    at = int(hashlib.sha256(messages[-1].text.encode()).hexdigest(), 16)
    return ["GRADE: C", "I'd say\nGRADE: I", "GRADE: P", "no idea"][at % 4]


class Says(Provider):
    cacheable, abilities = False, frozenset({"tools", "logprobs"})

    def __init__(self, name, move):
        self.name, self.move, self.calls = name, move, []

    async def generate(self, call):
        self.calls.append(call)
        found = ModelOutput.from_message(ChatMessageAssistant(content=self.move(call.messages)))
        found.choices[0].logprobs = Logprobs(content=[Logprob(token="x", logprob=-1.0)])
        return found


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """An installed distribution that registers tasks with inspect-ai."""
    about = tmp_path / "site" / "asking_pack-1.dist-info"
    about.mkdir(parents=True)
    (about.parent / "asking_pack.py").write_text(TASKS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: asking-pack\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[inspect_ai]\nasking_pack = asking_pack\n")
    monkeypatch.syspath_prepend(str(about.parent))
    yield
    sys.modules.pop("asking_pack", None)


@pytest.fixture
def run(tmp_path):
    """Runs a method on a task: the model, the record, its attempts."""

    def measured(task, method="direct", move=said, judge=None, model=None, **fields):
        session = Session(Store(tmp_path / "out"))
        player, grader = Says("says/agent", move), Says("says/judge", judge or judged)
        session.use(player), session.use(grader)
        roles = {"judge": grader.name} if judge else {}
        name = task if task.startswith("inspect/") else f"inspect/asking_pack/{task}"
        request = Request(name, method, model or player.name, roles=roles, **fields)
        (result,) = run_grid(plan(request), session).results
        if result.record is None:
            raise AssertionError(str(result.error))
        return player, result.record, load_samples(result.record["run_id"], str(tmp_path / "out"))

    return measured


@pytest.fixture
def official(tmp_path):
    """`inspect eval` of a task: what its model was sent, and its scores by sample and epoch."""

    def evaluated(task, move=said, epochs=1, limit=None):
        seen = []

        def answers(which):
            def answer(input, tools, tool_choice, config):
                if which is move:
                    seen.append([(m.role, m.text) for m in input])
                output = ModelOutput.from_content("mockllm/model", which(input))
                output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
                return output

            return answer

        models = [
            get_model("mockllm/model", memoize=False, custom_outputs=answers(x)) for x in (move, judged)
        ]
        (log,) = inspect_eval(
            task,
            model=models[0],
            model_roles={"grader": models[1]},
            log_dir=str(tmp_path / "logs"),
            display="none",
            log_level="warning",
            epochs=epochs,
            limit=limit,
        )
        assert log.status == "success", log.error
        number = value_to_float()
        scores = {}
        for sample in log.samples:
            (score,) = sample.scores.values()
            scores[str(sample.id), sample.epoch - 1] = number(score.value)
        return seen, scores

    return evaluated


def by_attempt(rows):
    return {
        (row.sample_id, row.epoch): float("nan") if row.status == "unscored" else row.accuracy
        for row in rows.itertuples()
    }


@pytest.mark.parametrize(
    ("task", "epochs"),
    [
        ("numeric", 2),
        *((task, 1) for task in ("begins", "anywhere", "contains", "patterned", "lined", "overlapping")),
        *((task, 1) for task in ("spoken", "own_code", "several", "shuffled")),
        ("choices", 3),
        ("graded", 1),
    ],
)
def test_prompts_and_scores_are_those_of_inspect_eval(run, official, task, epochs):
    judge = judged if task == "graded" else None
    player, record, rows = run(task, judge=judge, epochs=epochs)
    sent, scores = official(getattr(importlib.import_module("asking_pack"), task)(), epochs=epochs)
    assert record["task"]["settled"].startswith("its items are questions")
    assert by_attempt(rows) == pytest.approx(scores, nan_ok=True) and len(scores) == len(rows)
    if task != "overlapping":
        assert len(set(scores.values())) > 1, "all alike: it would show nothing"
    ours = [[(m.role, m.text) for m in call.messages] for call in player.calls]
    if task != "shuffled":  # whose order is its own each time
        assert sorted(map(str, ours)) == sorted(map(str, sent))


def test_settings_of_the_task_and_its_solver_are_sent(run):
    player, _, _ = run("numeric", limit=1)
    assert player.calls[0].decoding == {"temperature": 0.25, "max_tokens": 77}
    player, _, _ = run("numeric", limit=1, decoding={"temperature": 0.5})
    assert player.calls[0].decoding == {"temperature": 0.5, "max_tokens": 77}


def test_answers_are_what_the_scorer_tells_that_it_read(run):
    _, record, rows = run("choices")
    assert set(rows["answer"].dropna()) <= {"A", "B", "C", "D"} and set(rows["target"]) <= {*"ABCD"}
    assert record["reasons"] == {"no statement": int(rows["answer"].isna().sum())}
    assert record["classes"] == {"several": False, "out_of_scope": None} and "macro_f1" in record["metrics"]
    _, _, rows = run("numeric", move=lambda messages: "I had 3, now **1,014.0** apples")
    assert set(rows["answer"]) == {"1014"}
    _, _, rows = run("patterned", move=lambda messages: "so ANSWER: 12 or more")
    assert set(rows["answer"]) == {"12"}


@pytest.mark.parametrize("task", ["choices", "shuffled", "numeric", "patterned", "contains", "several"])
def test_a_vote_is_graded_as_the_replies_that_it_counts(run, task):
    """Of five replies that say the same, each alone gets the score of the vote."""
    _, record, rows = run(task, "self-consistency", method_args={"samples": 5})
    _, _, alone = run(task)
    assert record["counts"]["ok"] == len(rows) and record["usage"]["by_purpose"]["answer"][
        "calls"
    ] == 5 * len(rows)
    assert by_attempt(rows) == by_attempt(alone)


def test_forms_of_one_answer_are_one_vote(run):
    forms = iter(["It is 6.", "5", "ANSWER: 6.0", "** 6 **", "5"] * 3)
    _, _, rows = run(
        "numeric", "self-consistency", move=lambda m: next(forms), method_args={"samples": 5}, limit=1
    )
    assert list(rows["answer"]) == ["6"]


def test_a_vote_for_a_letter_of_shuffled_options_is_graded_in_the_order_of_the_target(run):
    """The winner isn't in the first completion, so its letter is stated again."""
    spec = registry().task("inspect/asking_pack/shuffled")
    args = spec.arguments({})
    spec = settled(spec, args, Data())
    task = load_task(spec, args)
    samples = list(task.load(Data()).test)
    moved = 0
    for sample in samples:
        shown = dict(re.findall(r"^([A-Z])\) (\w+)$", task.turn(sample.question), re.M))
        own = ["red", "green", "blue", "grey"]["ABC".index(sample.target)]
        letter = next(key for key, text in shown.items() if text == own)
        moved += letter != sample.target
        assert task.parse(f"ANSWER: {letter}", sample.question) == sample.target
        vote = Outcome(sample.id, 0, "ANSWER: Z", answer=sample.target)
        assert task.score(sample, vote).metrics == {"accuracy": 1.0}
    assert moved > 3
    again = load_task(spec, args).load(Data()).test
    assert [each.question for each in again] == [each.question for each in samples]


def test_few_shot_and_testnuc_learn_from_samples_that_are_held_out(run):
    args = {"hold_out": 5}
    player, record, rows = run("choices", "few-shot", task_args=args, method_args={"k": 3})
    assert len(rows) == 7 and record["data_access"]["labels_seen"] == 5
    turns = player.calls[0].messages
    assert [m.role for m in turns] == ["user", "assistant"] * 3 + ["user"]
    assert all(re.fullmatch(r"ANSWER: [A-D]", m.text) for m in turns if m.role == "assistant")
    player, _, _ = run("numeric", "few-shot", task_args=args, method_args={"k": 1})
    turns = player.calls[0].messages
    assert [m.role for m in turns] == ["system", "user", "assistant", "user"]
    assert re.fullmatch(r"ANSWER: \d+", turns[2].text)
    _, record, rows = run("choices", "testnuc", task_args=args, method_args={"k": 3})
    assert record["data_access"]["pool_size"] == 5 and record["counts"]["ok"] == 7
    with pytest.raises(UsageError, match="needs labelled"):
        plan(Request("inspect/asking_pack/choices", "few-shot", "says/agent"))
    with pytest.raises(AssertionError, match="hold_out=12 is not from 0 to 11"):
        run("choices", task_args={"hold_out": 12})


@pytest.mark.parametrize("method", ["best-of-n", "cot", "debate"])
def test_other_methods_run(run, method):
    _, record, _ = run("choices", method, limit=4)
    assert record["counts"]["ok"] == 4 and record["usage"]["calls"] >= 4 * (method != "cot") + 4


def test_an_isolated_method_sees_the_prompt_and_no_target(run):
    _, record, rows = run("choices", "self-consistency", isolate=True, limit=3, method_args={"samples": 2})
    _, _, alone = run("choices", "self-consistency", limit=3, method_args={"samples": 2})
    assert record["isolated"] and by_attempt(rows) == by_attempt(alone)


@pytest.mark.parametrize("task", ["numeric", "choices", "patterned", "graded"])
def test_recorded_answers_are_scored(run, tmp_path, task):
    judge = judged if task == "graded" else None
    _, _, rows = run(task, judge=judge)
    file = tmp_path / "answers.jsonl"
    lines = [{"sample_id": row.sample_id, "completion": row.completion} for row in rows.itertuples()]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    _, _, again = run(task, model=f"recorded/{file}", judge=judge)
    assert by_attempt(again) == pytest.approx(by_attempt(rows), nan_ok=True)
    assert list(again["answer"].isna()) == list(rows["answer"].isna())


def test_a_sealed_run_is_scored_again(run, tmp_path):
    _, record, rows = run("choices")
    with pytest.raises(UsageError, match="changes nothing"):
        rescore(Store(tmp_path / "out"), record, "again")
    code = tmp_path / "site" / "asking_pack.py"
    code.write_text(code.read_text().replace('target="ABC"[k % 3]', 'target="BCA"[k % 3]'))
    sys.modules.pop("asking_pack")
    with pytest.raises(DataError, match="isn't the one that run"):
        rescore(Store(tmp_path / "out"), record, "again")


def test_a_reply_after_which_the_solver_acts_is_unscored(run):

    def once(messages):
        return "unsure" if messages[0].text.startswith("1") else "4"

    _, record, rows = run("retried", move=once)
    assert "doubtful might do more" in record["task"]["settled"]
    assert list(rows["status"]) == ["ok", "unscored", "ok"]
    assert rows["reason"][1] == "its solver asks again after the reply; give -T kind=world"

    def again(messages):
        return "2" if len(messages) > 1 else "0" if messages[0].text.startswith("0") else "unsure"

    player, record, rows = run("retried", move=again, task_args={"kind": "world"})
    assert record["task"]["settled"] == "its items are worlds: kind=world was given"
    assert list(rows["accuracy"]) == [1, 1, 0] and len(player.calls) == 5


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("random_prompt", "its solver doesn't ask the same each time"),
        ("opened", "its prompt ends with words of the assistant"),
        ("itself", "its scorer asks again after the reply"),
    ],
)
def test_other_tasks_are_worlds_and_the_record_says_why(run, task, why):
    _, record, _ = run(task)
    assert record["task"]["settled"] == f"its items are worlds: {why}"
    with pytest.raises(UsageError, match="is a world to act in"):
        plan(Request(f"inspect/asking_pack/{task}", "self-consistency", "says/agent"))
    with pytest.raises(AssertionError, match=f"can't be asked as questions: {why}"):
        run(task, task_args={"kind": "questions"})


def test_a_grader_without_a_model_is_asked_for_before_anything_is_answered(run):
    with pytest.raises(AssertionError, match="needs --role judge=MODEL"):
        run("graded")
    spec = registry().task("inspect/asking_pack/graded")
    args = spec.arguments({})
    task = load_task(settled(spec, args, Data()), args)
    (sample, *_) = task.load(Data()).test
    assert task.judges and task.score(sample, Outcome(sample.id, 0, "4", "4")).status == "unscored"


def test_a_scorer_whose_values_are_no_scores_is_refused_before_anything_is_asked(run):
    for task, args, says in (
        ("valued", {}, "-T value=form|length"),
        ("valued", {"value": "length"}, "12 isn't between 0 and 1"),
        ("valued", {"value": "style"}, "-T value=form|length"),
    ):
        asked = []
        with pytest.raises(AssertionError, match=re.escape(says)):
            run(task, task_args=args, move=asked.append)
        assert not asked
    _, record, rows = run("valued", task_args={"value": "form"})
    assert set(rows.accuracy) == {0.5} and "questions" in record["task"]["settled"]


def test_rewards_and_the_contract(run):
    reward = harness.reward("inspect/asking_pack/patterned", split="test")
    assert reward("3", "ANSWER: 4") == 1.0 and reward("3", "ANSWER: 5") == 0.0
    from harness.testing import check_task

    for task in ("choices", "numeric", "several"):
        check_task(f"inspect/asking_pack/{task}", Data(offline=True), hold_out=3)


def test_what_a_task_is_is_not_known_before_it_is_loaded(run):
    """A task that can't be loaded is no usage error of the grid: its own cell says why."""
    spec = registry().task("inspect/asking_pack/nothing")
    assert spec.unsettled
    (cell,) = plan(Request("inspect/asking_pack/nothing", "self-consistency", "says/agent"))
    assert cell.task.unsettled
    with pytest.raises(AssertionError, match="no task 'nothing'"):
        run("nothing", "self-consistency")


@pytest.mark.skipif(find_spec("inspect_evals") is None, reason="needs the extra inspect-evals")
@pytest.mark.skipif(not (HUB / "openai" / "gsm8k").exists(), reason="the mirror is not beside the checkout")
def test_gsm8k_of_inspect_evals_scores_as_inspect_eval_does(run, official, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))

    def reply(messages):
        at = int(hashlib.sha256(messages[-1].text.encode()).hexdigest(), 16)
        return ["ANSWER: {}", "It is ${}.00", "**{}**", "so {}!"][at % 4].format(
            [18, 3, 70000, 540, 20][at // 4 % 5]
        )

    monkeypatch.chdir(HUB)
    made = importlib.import_module("inspect_evals.gsm8k").gsm8k(fewshot=0)
    monkeypatch.chdir(tmp_path)
    sent, scores = official(made, move=reply, limit=100)
    chosen = [sample for sample, _ in scores]
    fields = {"task_args": {"args": "fewshot=0"}, "mirror": str(HUB), "sample_id": chosen}
    player, record, rows = run("inspect/gsm8k", move=reply, **fields)
    assert record["task"]["settled"].startswith("its items are questions")
    assert by_attempt(rows) == scores and len(scores) == 100 and 0 < sum(scores.values()) < 100
    ours = [[(m.role, m.text) for m in call.messages] for call in player.calls]
    assert sorted(map(str, ours)) == sorted(map(str, sent))
    assert rows["answer"].notna().all()
