"""What each policy decides, from what it sees alone."""

import pytest

from harness.methods.team.policy import (
    AskWhenUncertain,
    Autonomous,
    ConfirmIrreversible,
    HumanDriven,
    Move,
    PlanApproval,
    Spent,
    Step,
    SuggestThenExecute,
    View,
)

HOLD = Step("hold", {"item": "A1"})
PAY = Step("pay", {"item": "A1"}, irreversible=True)
REFUSED = Spent(refused=1)


@pytest.mark.parametrize(
    ("policy", "view", "wanted"),
    [
        (Autonomous(), View((PAY,), 1.0), Move.ACT),
        (ConfirmIrreversible(), View((HOLD,)), Move.ACT),
        (ConfirmIrreversible(), View((HOLD, PAY)), Move.PROPOSE),
        # nobody may be asked any more: what can't be undone is still never done alone
        (ConfirmIrreversible(), View((PAY,), spent=REFUSED), Move.PROPOSE),
        (AskWhenUncertain(0.2), View((HOLD,), 0.2), Move.ACT),
        (AskWhenUncertain(0.2), View((HOLD,), 0.21), Move.ASK),
        (AskWhenUncertain(0.2), View((HOLD,), None), Move.ACT),
        (AskWhenUncertain(0.2), View((), 0.9), Move.ACT),
        (AskWhenUncertain(0.2), View((HOLD,), 0.9, REFUSED), Move.ACT),
        (PlanApproval(), View((HOLD,)), Move.ACT),
        (PlanApproval(), View(new_request=True), Move.PLAN),
        (PlanApproval(), View((HOLD,), spent=REFUSED, new_request=True), Move.ACT),
        (SuggestThenExecute(), View((HOLD,)), Move.PROPOSE),
        (SuggestThenExecute(), View(()), Move.ACT),
        (SuggestThenExecute(), View((PAY,), spent=REFUSED), Move.ACT),
        (HumanDriven(), View(()), Move.HAND_OVER),
        (HumanDriven(), View((HOLD,), declined=True), Move.PROPOSE),
        (HumanDriven(), View((), declined=True), Move.ACT),
        (HumanDriven(), View((HOLD,), spent=REFUSED), Move.ACT),
    ],
)
def test_decisions(policy, view, wanted):
    assert policy.decide(view) is wanted


def test_only_what_cannot_be_undone_is_put_to_the_human_for_a_yes():
    assert [ConfirmIrreversible().proposes(step) for step in (HOLD, PAY)] == [False, True]
    assert [SuggestThenExecute().proposes(step) for step in (HOLD, PAY)] == [True, True]


def test_an_action_is_made_only_where_the_decision_hangs_on_it():
    new, declined = View(new_request=True), View(declined=True)
    assert not PlanApproval().wants_action(new)
    assert PlanApproval().wants_action(View())
    assert not HumanDriven().wants_action(View())
    assert HumanDriven().wants_action(declined)
    assert AskWhenUncertain(0.5).wants_action(new)


def test_what_was_spent_is_counted_by_kind_and_a_refusal_is_no_intervention():
    spent = Spent()
    for move in (Move.ASK, Move.ASK, Move.PROPOSE, Move.PLAN, Move.HAND_OVER, Move.ACT):
        spent = spent.after(move, refused=False)
    assert spent.after(Move.ASK, refused=True) == Spent(1, 2, 1, 1, 1, 1)
    assert spent.interventions == 5
