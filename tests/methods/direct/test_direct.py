"""One call with the task's own prompt."""

from harness.testing import check_method


def test_contract():
    check_method("direct")


def test_one_call_and_what_comes_is_the_answer(lab):
    lab.data([("first", "red"), ("second", "blue")])
    ran = lab.run("direct", lambda call: "Label: blue")
    assert ran.usage == {"answer": 2} and ran.accuracy == 0.5
    assert [(row["completion"], row["answer"]) for row in ran.rows] == [("Label: blue", "blue")] * 2
    (message,) = ran.calls[0].messages
    assert ran.calls[0].question.input in message.text
