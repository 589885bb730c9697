"""Runs that a method wants beside its own, roles that are counted, wrong answers for adversaries."""

import random
from typing import Any

import pytest

from harness.base.errors import PluginError
from harness.plugins.fields import checked_spec
from harness.run.plan import Request, _twin, plan
from harness.sample import Question, Sample
from harness.spec import MethodSpec
from harness.task import Task

ENTRY = {"version": "1-A", "summary": "x", "entry": "a:B"}


def spec(**given: Any) -> MethodSpec:
    found = checked_spec(MethodSpec, "talk", {**ENTRY, **given}, where="here", released=True)
    assert isinstance(found, MethodSpec)
    return found


def test_a_twin_has_the_clean_arguments_and_is_none_of_itself() -> None:
    talk = spec(params={"attack": "none", "rate": 0.4, "agents": 6}, twin={"attack": "none", "rate": 0.4})
    attacked = talk.arguments({"attack": "random", "rate": 0.5, "agents": 4})
    assert _twin(talk, attacked) == [{"attack": "none", "rate": 0.4, "agents": 4}]
    assert _twin(talk, talk.arguments({"rate": 0.5})) == []
    assert _twin(spec(), {}) == []


def test_a_run_and_its_twin_are_told_apart_by_name() -> None:
    cells = plan(Request(task="arc1d", method="debate", method_args={"attack": "random"}))
    assert [cell.title for cell in cells] == [
        "arc1d x debate (attack=random) x pocket/grid",
        "arc1d x debate x pocket/grid",
    ]


@pytest.mark.parametrize("twin", [{"atack": "none"}, {"rate": "often"}, 3])
def test_a_twin_of_other_arguments_is_refused(twin: Any) -> None:
    with pytest.raises(PluginError, match="twin"):
        spec(params={"attack": "none", "rate": 0.4}, twin=twin)


def test_roles_are_counted() -> None:
    assert spec(roles=["agent1..agent3", "critic"]).roles == ("agent1", "agent2", "agent3", "critic")
    assert len(spec(roles=["agent1..agent64"]).roles) == 64


def test_methods_without_a_twin_have_one_cell() -> None:
    assert len(plan(Request(task="arc1d", method="direct"))) == 1


def test_a_wrong_answer_is_another_choice_each_as_likely() -> None:
    task = Task.__new__(Task)
    sample = Sample(Question("q", "?", choices=("A", "B", "C", "D")), "B")
    found = [task.wrong(sample, random.Random(seed)) for seed in range(900)]
    assert {name: 240 < found.count(name) < 360 for name in "ACD"} == dict.fromkeys("ACD", True)
    assert "B" not in found
    assert task.wrong(Sample(Question("q", "?"), ["A", "B"]), random.Random(0)) is None
    assert task.wrong(Sample(Question("q", "?", choices=("A",)), "A"), random.Random(0)) is None
