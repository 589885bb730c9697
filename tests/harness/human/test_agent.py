"""What agents are asked beside their episodes, and how their replies are read."""

import pytest

from harness.human import agent


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("80", 0.8),
        ("I am 80 % sure: 80.", 0.8),
        ("12.5", 0.125),
        ("0", 0.0),
        ("100%", 1.0),
        ("between 40 and 60", None),
        ("sure", None),
        ("101", None),
        ("1000", None),
        ("-5", None),
    ],
)
def test_a_number_from_0_to_100_is_how_sure_it_is(text, wanted):
    assert agent.read_sure(text) == wanted


def test_equal_calls_are_one_text():
    first = agent.action_text([("pay", {"b": 1, "a": "é"})])
    assert (
        first == agent.action_text([("pay", {"a": "é", "b": 1})]) != agent.action_text([("pay", {"a": "é"})])
    )


def test_the_prompts_tell_each_other_apart():
    asked = [agent.ask_prompt(), agent.ask_prompt("x"), agent.PLAN, agent.sure_prompt([("pay", {})])]
    starts = (agent.ASK, agent.PLAN, agent.ACTION)
    assert [sum(text.startswith(start) for start in starts) for text in asked] == [1, 1, 1, 1]
