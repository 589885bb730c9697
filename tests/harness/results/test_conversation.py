"""Conversations in traces: what is shown of them, whatever their shape."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli.conversation import conversation_lines
from harness.leaderboard.conversations import drawn
from harness.results.attempts import canonical_json
from harness.results.conversation import conversation_of
from tests.conversations import conversation

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "agents",
                    "rounds",
                    "said",
                    "heard",
                    "credits",
                    "decision",
                    "weights",
                    "attack",
                    "turned",
                    "0",
                    "name",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def test_a_conversation_reads_round_by_round() -> None:
    found = conversation_of(conversation())
    assert found is not None
    text = "\n".join(conversation_lines(found))
    assert "round 1: nobody hears anybody" in text
    assert "  1 Expert: answers B  (credit 0.90; hears of the round before itself, 3)" in text
    assert "  2 Critic: answers D  (credit 0.30; adversary; hears 1)" in text
    assert "  3 Judge: no words: no answer in 5 s  (credit 0.20; not heard by anyone)" in text
    assert "  answer B (B 0.4, D 0.1)" in text
    assert "  agents that count: 1" in text
    assert "  adversaries, for D: 2 from round 2" in text


def test_what_is_drawn_holds_graphs_and_no_texts() -> None:
    made = drawn(canonical_json(conversation()))
    assert made is not None and "Still B." not in str(made)
    assert made["agents"][1] == ["Critic", "Critic role", 1]
    assert made["rounds"][1]["edges"] == ((0, 1),) and made["rounds"][1]["silent"] == [2]
    assert drawn(None) is None and drawn('{"votes": []}') is None


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["agents", "rounds", "decision", "attack"]), JSON))
def test_a_trace_of_any_shape_is_shown_or_left_out(talk: dict[str, Any]) -> None:
    found = conversation_of({"conversation": talk})
    if found is not None:
        assert list(conversation_lines(found))


@pytest.mark.parametrize(
    "trace", [None, 3, [], {}, {"conversation": None}, {"conversation": {"agents": [1]}}]
)
def test_no_conversation(trace: Any) -> None:
    assert conversation_of(trace) is None


def test_edges_to_agents_that_are_not_there_are_left_out() -> None:
    talk = conversation()
    talk["conversation"]["rounds"][1]["heard"] = [[0, 1], [0, 9], [-1, 0], [True, 1], "01", [1]]
    found = conversation_of(talk)
    assert found is not None and found.rounds[1].heard == ((0, 1),)
