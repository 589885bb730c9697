"""Reasoning before the answer."""

from harness.testing import check_method


def test_contract():
    check_method("cot")


def test_the_tasks_prompt_stays_as_it_is_and_the_last_line_is_the_answer(lab):
    lab.data([("first", "red"), ("second", "blue")])
    reasoning = "It could be blue. On the other hand:\n\nred"
    plain, ran = lab.run("direct", lambda call: reasoning), lab.run("cot", lambda call: reasoning)
    for call, bare in zip(ran.calls, plain.calls, strict=True):
        system, asked = call.messages
        assert system.role == "system" and "step by step" in system.text
        assert asked.text == bare.messages[0].text
    assert [row["answer"] for row in ran.rows] == ["red", "red"]
    assert ran.record["comparability_key"] == plain.record["comparability_key"]
    assert ran.record["subject_key"] != plain.record["subject_key"]
