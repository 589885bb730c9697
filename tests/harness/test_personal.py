"""The wording of what models are told of users: what is written is read again, whatever stands in it."""

from harness import personal


def test_records_are_read_as_they_were_written():
    pairs = [("Film: A\nKind: war", "skip"), ("--\nRequest: x\nResponse: y", "a\nb"), ("", "-- not an end")]
    found = personal.read_records(f"before\n\n{personal.records(pairs)}\n\nafter\n\nall")
    assert found == [
        ("Film: A\nKind: war", "skip"),
        ("--\n Request: x\n Response: y", "a\nb"),
        ("", "-- not an end"),
    ]
    assert personal.read_records("nothing here") == []


def test_a_rewrite_prompt_holds_all_feedback_at_once():
    (message,) = personal.rewrite_prompt("P", ["one", "two\nlines"])
    assert personal.rewrite_parts(message.text) == ("P", "[1] one\n[2] two\nlines")
    assert personal.rewrite_parts("P") is None


def test_actions_and_answers():
    assert personal.read_action("I think.\n**Action**: search_history: comedies") == (
        "search_history",
        "comedies",
    )
    assert personal.read_action('Action: search_corpus: "war films"') == ("search_corpus", "war films")
    assert personal.read_action("Answer: skip\nAction: search_history: x") is None
    assert personal.read_action("Action: delete: everything") is None
    assert personal.read_answer("Thought\n**Answer:** skip") == "skip"
    assert personal.read_answer("skip") == "skip" and personal.read_answer("") == ""


def test_a_neutral_persona_has_the_length_and_no_user():
    for size in (10, 100, 1500):
        text = personal.neutral_persona(size)
        assert 0.9 * size - 15 <= len(text) <= size
    assert "user" not in personal.neutral_persona(1500)


def test_a_persona_has_profile_and_rules_and_is_generic_without():
    assert "likes tea" in personal.first_persona(
        "likes tea"
    ) and "at least 2 times" in personal.first_persona("x")
    assert "About this user" not in personal.first_persona(" ")
    assert personal.cut("one two three", 8) == "one two" and personal.cut("abcdef", 3) == "abc"
