"""PersonaAgent's order of work, its ablations and its controls, with the numbers that the notes give."""

import asyncio
from collections import Counter

import pytest

from harness import personal
from harness.base.errors import ModelCallError, UsageError
from harness.data.history import Histories
from harness.registry import load_method, registry
from harness.sample import Splits
from harness.tasks.personal import expected
from harness.testing import check_method

NAMES = [name for name, spec in sorted(registry().methods.items()) if "history" in spec.needs]
SMALL = {"users": 3, "history": 10, "test": 2}


@pytest.mark.parametrize("name", NAMES)
def test_every_method_keeps_the_contract(name):
    check_method(name)


def test_the_latest_n_in_time_order(play):
    run = play("personaagent", task_args={**SMALL, "users": 1})
    judged = [personal.read_records(call.messages[-1].text)[0] for call in run.model.of("feedback")]
    latest = run.splits.history.streams["user0"][-3:]
    assert judged == [(each.query, each.response) for each in latest]
    prompts = [call.messages[-1].text for call in run.model.of("summarise")]
    assert [len(personal.read_records(text)) for text in prompts] == [10]


@pytest.mark.parametrize(
    ("args", "simulated", "rewrites"),
    [
        ({}, 3, 1),
        ({"iterations": 2}, 6, 2),
        ({"n": 99}, 10, 1),
        ({"iterations": 0}, 0, 0),
        ({"batch": "all"}, 10, 1),
        ({"every": 5}, 6, 2),
        ({"every": 99}, 0, 0),  # the past is over before
    ],
)
def test_how_often_what_is_asked(play, args, simulated, rewrites):
    run = play("personaagent", task_args={**SMALL, "users": 1}, model={"searches": 0}, **args)
    fitted = Counter(kind for kind, _ in run.model.calls[: run.fitted])
    wanted = {"summarise": 1, "act": simulated, "feedback": simulated, "rewrite": rewrites}
    assert fitted == Counter({kind: count for kind, count in wanted.items() if count})
    assert run.method.calls_of(run.job, 2) == 1 + simulated * (3 + 1) + rewrites + 2 * 3
    if not rewrites:
        (persona,) = {outcome.trace["system"] for outcome in run.outcomes.values()}
        assert persona.startswith(personal.first_persona("").split("Take")[0])


def test_one_rewrite_from_all_feedback_and_the_next_round_has_its_persona(play):
    def say(kind, call):
        return f"PERSONA {len(call.question.id)} {call.question.id}" if kind == "rewrite" else None

    run = play("personaagent", say=say, iterations=2, task_args={**SMALL, "users": 1}, model={"searches": 0})
    for call in run.model.of("rewrite"):
        feedback = personal.rewrite_parts(call.messages[-1].text)[1]
        assert [line[:3] for line in feedback.splitlines() if line.startswith("[")] == ["[1]", "[2]", "[3]"]
    systems = [call.messages[0].text for call in run.model.of("act")]
    assert all(text.startswith(personal.first_persona("")[:40]) for text in systems[:3])
    assert all(text.startswith("PERSONA") and "rewrite 1" in text for text in systems[3:6])
    assert all("rewrite 2" in text for text in systems[6:])


def test_the_simulated_interaction_is_not_in_the_index(play):
    run = play("personaagent", task_args={"users": 2, "history": 12, "test": 1, "contexts": 12})
    acted = [call for call in run.model.of("act") if "past" in call.question.id]
    seen = [personal.read_records(m.text) for call in acted for m in call.messages if m.role == "user"]
    assert any(seen)
    for call in acted:
        asked = call.question.input
        assert all(query != asked for m in call.messages[2:] for query, _ in personal.read_records(m.text))


def marked(splits, cut=True):
    """The same users, with a token in every test query and answer; without the cut, in the past too."""
    from dataclasses import replace

    from harness.data.history import Asked, Interaction

    test = [
        replace(s, question=replace(s.question, input=f"LEAKQ{n}x {s.question.input}"), target=f"LEAKA{n}x")
        for n, s in enumerate(splits.test)
    ]
    streams = {user: list(stream) for user, stream in splits.history.streams.items()}
    asked = dict(splits.history.asked)
    if not cut:
        for sample in test:
            stream = streams[sample.group]
            stream.append(Interaction(sample.id, sample.question.input, sample.target, float(len(stream))))
        asked = {name: Asked(each.user, 1e9) for name, each in asked.items()}
    return Splits(test, history=Histories(streams, asked))


@pytest.mark.parametrize("cut", [True, False])
def test_no_token_of_the_test_reaches_memory_summary_alignment_or_persona(play, cut):
    base = play("label-prior", task_args=SMALL)
    run = play("personaagent", task_args=SMALL, splits=marked(base.splits, cut))
    before = "\n".join(m.text for _, call in run.model.calls[: run.fitted] for m in call.messages)
    personas = "\n".join(run.method.made.values())
    found = "LEAK" in before + personas
    answers = any("LEAKA" in m.text for _, call in run.model.calls for m in call.messages)
    assert (found, answers) == ((False, False) if cut else (True, True))


def test_alignment_is_booked_apart(play):
    run = play("personaagent", task_args=SMALL)
    assert set(run.offline) == {"profile", "align"} and run.offline["profile"]["calls"] == 3
    assert run.offline["align"]["calls"] == 3 * (3 * 3 + 3 + 1)  # two searches and an answer a simulation
    online = run.ledger.by_purpose["answer"]
    assert online.calls == 6 * 3 and "align" not in run.ledger.take("user0-test0", 0)


@pytest.mark.parametrize(
    ("args", "generic", "fitted", "searches"),
    [
        ({"without": "action"}, False, {"summarise", "act", "feedback", "rewrite"}, 0),
        ({"without": "memory"}, False, {"act", "feedback", "rewrite"}, 0),
        ({"without": "persona"}, True, set(), 2),
        ({"without": "alignment"}, False, {"summarise"}, 2),
    ],
)
def test_ablations(play, args, generic, fitted, searches):
    run = play("personaagent", task_args=SMALL, **args)
    assert {kind for kind, _ in run.model.calls[: run.fitted]} == fitted
    for outcome in run.outcomes.values():
        assert outcome.measures["tool_uses"] == searches
        assert (outcome.trace["system"] == personal.generic_persona()) == generic
    if args["without"] == "memory":
        assert "About this user" not in run.model.of("act")[0].messages[0].text


def test_fewer_than_two_tools_are_flagged(play):
    few, enough = (play("personaagent", task_args=SMALL, model={"searches": searches}) for searches in (1, 2))
    assert {o.measures["too_few_tools"] for o in few.outcomes.values()} == {1.0}
    assert {o.trace["too_few_tools"] for o in enough.outcomes.values()} == {False}


def test_actions_end_in_an_answer(play):
    run = play(
        "react-personal", task_args=SMALL, say=lambda kind, call: "Action: search_history: x", rounds=2
    )
    assert len(run.model.calls) == 6 * 3  # two actions and a last word
    assert {outcome.text for outcome in run.outcomes.values()} == {"Action: search_history: x"}


def test_a_persona_is_cut_and_a_rewrite_without_text_is_none(play):
    run = play("personaagent", task_args=SMALL, persona_tokens=20)
    assert all(len(persona) <= 80 for persona in run.method.made.values())
    same = play("personaagent", task_args=SMALL, say=lambda kind, call: " " if kind == "rewrite" else None)
    assert all(persona.startswith("You are a helpful") for persona in same.method.made.values())


def test_a_failed_user_fails_its_own_questions_alone(play):
    def say(kind, call):
        if kind == "rewrite" and call.question.id.startswith("user1/"):
            raise ModelCallError("gone")
        return None

    run = play("personaagent", task_args=SMALL, say=say)
    errors = {name: outcome.error for name, outcome in run.outcomes.items()}
    assert {name.split("-")[0] for name, error in errors.items() if error} == {"user1"}


def test_a_neutral_persona_is_as_long_and_knows_nothing(play):
    own, neutral = (play("personaagent", task_args=SMALL, neutral=neutral) for neutral in (False, True))
    for name, outcome in neutral.outcomes.items():
        assert "->" not in outcome.trace["system"]
        ratio = outcome.measures["persona_tokens"] / own.outcomes[name].measures["persona_tokens"]
        assert ratio == pytest.approx(1, abs=0.05)


BIG = {"users": 60, "history": 40, "test": 10}
#: four standard errors of 600 answers of 60 users
WITHIN = 0.085


def test_the_persona_is_personal_and_swapping_it_leaves_chance(play):
    """Rows of the notes' test 9 and 10: ten observations of each kind are close to knowing the table."""
    run = {"task_args": BIG, "model": {"memory": 0, "searches": 0}, "iterations": 0}
    assert play("personaagent", **run).accuracy == pytest.approx(expected.knows(0.1), abs=WITHIN)
    for args in ({"swap": "persona"}, {"without": "memory"}, {"neutral": True}):
        assert play("personaagent", **run, **args).accuracy == pytest.approx(1 / 3, abs=WITHIN), args


@pytest.mark.parametrize("trust", [0.0, 0.5, 1.0])
def test_swapping_memories_hurts_as_much_as_tools_are_trusted(play, trust):
    run = play(
        "personaagent", swap="memory", iterations=0, task_args=BIG, model={"memory": trust, "searches": 1}
    )
    wanted = (1 - trust) * expected.knows(0.1) + trust / 3
    assert run.accuracy == pytest.approx(wanted, abs=WITHIN)


def test_plurality_of_so_many_observations(play):
    for k in (1, 3):
        args = {**BIG, "users": 100, "history": 4 * k}
        run = play("personaagent", iterations=0, task_args=args, model={"memory": 0, "searches": 0})
        assert run.accuracy == pytest.approx(expected.of_plurality(k, 3, 0.1), abs=0.06)


def test_the_label_prior_is_what_theory_says(play):
    run = play("label-prior", task_args={**BIG, "users": 150})
    assert run.accuracy == pytest.approx(0.554, abs=0.06) and not run.model.calls


def test_alignment_on_the_latest_recovers_a_drift_and_costs_nothing_without_one(play):
    """Test 11: twelve interactions after the change the latest twelve beat all of the past."""
    args = {**BIG, "users": 15, "test": 20, "history": 62, "noise": 0.1}
    model = {"memory": 0, "searches": 0}
    found = {
        (drift, batch): play(
            "personaagent", n=12, batch=batch, task_args={**args, "drift": drift}, model=model
        ).accuracy
        for drift in (0, 50)
        for batch in ("latest", "all")
    }
    assert found[50, "latest"] - found[50, "all"] > 0.2
    assert found[50, "latest"] == pytest.approx(expected.of_plurality(3, 3, 0.1), abs=WITHIN)
    assert found[0, "all"] >= found[0, "latest"] - 0.03
    frozen = play("personaagent", iterations=0, task_args={**args, "drift": 50}, model=model).accuracy
    assert frozen < found[50, "latest"] - 0.2


def test_streaming_aligns_after_every_so_many(play):
    args = {**SMALL, "users": 1, "history": 20}
    run = play("personaagent", every=5, task_args=args, model={"searches": 0})
    stream = run.splits.history.streams["user0"]
    judged = [personal.read_records(call.messages[-1].text)[0] for call in run.model.of("feedback")]
    wanted = [each for end in (5, 10, 15, 20) for each in stream[end - 3 : end]]
    assert judged == [(each.query, each.response) for each in wanted]
    shown = personal.read_records(run.model.of("summarise")[0].messages[-1].text)
    assert len(shown) == 5 and len(run.model.of("rewrite")) == 4


def test_similar_interactions_are_simulated_for_each_question(play):
    run = play("personaagent", batch="similar", n=2, task_args=SMALL, model={"searches": 0})
    assert set(run.offline) == {"profile"}
    judged = run.model.of("feedback")
    assert len(judged) == 6 * 2 and run.ledger.by_purpose["align"].calls == 6 * (2 + 2 + 1)


def test_random_batches_are_those_of_the_seed(play):
    def judged(seed):
        run = play("personaagent", batch="random", seed=seed, task_args={**SMALL, "users": 1})
        return [call.question.id for call in run.model.of("feedback")]

    assert judged(1) == judged(1) and len({tuple(judged(seed)) for seed in range(5)}) > 2


def test_personas_of_one_user_are_more_alike_than_of_two(play):
    """Test 14: between runs of one user, and between users; users with one past are as alike as one."""
    runs = [play("personaagent", seed=seed, task_args={**BIG, "users": 8, "history": 12}) for seed in (0, 1)]

    def alike(one, other):
        a, b = set(one.splitlines()), set(other.splitlines())
        return len(a & b) / len(a | b)

    one, other = (list(run.method.made.values()) for run in runs)
    within = sum(map(alike, one, other)) / 8
    between = sum(alike(a, b) for i, a in enumerate(one) for j, b in enumerate(one) if i != j) / 56
    assert within > between + 0.05


def test_how_alike_personas_are_is_measured(play):
    """Jaccard of terms: a b c against b c d is 2 of 4, against itself 1; nobody else, no measure."""
    made = {"user0": "a b c", "user1": "B c d", "user2": "a b c"}

    def say(kind, call):
        return made[call.question.id.partition("/")[0]] if kind == "rewrite" else None

    def likeness(users):
        run = play("personaagent", say=say, task_args={**SMALL, "users": users})
        found = run.outcomes.items()
        return {name.partition("-")[0]: each.measures.get("persona_likeness") for name, each in found}

    assert likeness(3) == {"user0": 0.75, "user1": 0.5, "user2": 0.75} and likeness(1) == {"user0": None}
    neutral = play("personaagent", task_args=SMALL, neutral=True)
    assert all("persona_likeness" not in outcome.measures for outcome in neutral.outcomes.values())


@pytest.mark.parametrize(
    ("name", "args", "draws"),
    [
        ("personaagent", {}, "run"),
        ("personaagent", {"without": "persona"}, "none"),
        ("personaagent", {"without": "persona", "swap": "memory"}, "run"),
        ("rag-personal", {}, "none"),
        ("pag", {}, "run"),
    ],
)
def test_what_all_questions_of_a_run_share_is_said(name, args, draws):
    spec = registry().method(name)
    assert load_method(spec, spec.arguments(args)).drawing() == draws


def test_arguments_are_checked(play):
    for args, said in (({"n": 0}, "n=0"), ({"k": 0}, "k=0"), ({"iterations": -1}, "iterations=-1")):
        with pytest.raises(UsageError, match=said):
            play("personaagent", task_args=SMALL, **args)


@pytest.mark.parametrize(
    "args",
    [
        {"swap": "persona", "without": "persona"},
        {"swap": "memory", "without": "memory"},
        {"swap": "memory", "without": "action"},
        {"neutral": True, "without": "persona"},
        {"neutral": True, "swap": "persona"},
    ],
)
def test_a_control_of_what_is_not_used_is_refused(play, args):
    """It would stand in a table as if it had controlled something."""
    with pytest.raises(UsageError, match="changes nothing with"):
        play("personaagent", task_args=SMALL, **args)


@pytest.mark.parametrize("name", ["react-personal", "in-context-personal", "rag-personal", "label-prior"])
def test_rows_without_a_persona_have_none_to_swap(name):
    spec = registry().method(name)
    assert spec.arguments({"swap": "memory"})["swap"] == "memory"
    with pytest.raises(UsageError, match="swap='persona' is not one of: none, memory"):
        spec.arguments({"swap": "persona"})


def test_a_corpus_is_searched_by_a_tool_of_its_own(play, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "roses.md").write_text("The war of the roses.")
    (tmp_path / "docs" / "tea.md").write_text("Tea is drunk.")
    said = iter(["Action: search_corpus: roses", "Action: search_corpus:  ", "Answer: skip"] * 6)
    run = play(
        "react-personal",
        task_args=SMALL,
        say=lambda kind, call: next(said),
        corpus=str(tmp_path / "docs"),
    )
    seen = [message.text for call in run.model.of("act") for message in call.messages]
    assert f"{personal.OBSERVATION}\n[roses.md] roses\nThe war of the roses." in seen
    assert f"{personal.OBSERVATION}\n{personal.NOTHING_FOUND}" in seen


def test_both_halves_of_a_run_give_the_same_answers(play):
    """What is answered doesn't depend on how many questions are asked at once."""
    runs = [play("personaagent", task_args=SMALL) for _ in range(2)]
    assert [run.outcomes for run in runs[:1]] == [run.outcomes for run in runs[1:]]
    assert asyncio.iscoroutinefunction(runs[0].method.answer)
