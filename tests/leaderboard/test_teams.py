"""Rows in which a person took part: utility over the price of effort, success over budgets, timelines."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.comparison.arms import arms_of
from harness.comparison.effort import PRICES, has_effort, utility_curve
from harness.leaderboard import site as sites
from harness.leaderboard.teams import over_budgets
from harness.leaderboard.timelines import timeline
from harness.plots import plot_comparisons
from harness.results.index import in_force, read_index


def arms(store):
    return {
        (arm.method, arm.comparability["task_args"]["human_budget"]): arm
        for arm in arms_of(in_force(read_index(store).rows))
    }


def test_utility_falls_by_the_effort_for_each_unit_of_price(teams):
    found = arms(teams)
    asks = utility_curve(found["ask-when-uncertain", 2])
    assert asks.effort == pytest.approx(2 + 4 * 0.02 + 20 * 0.005)
    assert asks.means == pytest.approx(asks.success - np.array(PRICES) * asks.effort)
    alone = utility_curve(found["autonomous", 2])
    assert alone.means == pytest.approx([alone.success] * len(PRICES))
    assert (asks.intervals[:, 0] < asks.means).all() and (asks.means < asks.intervals[:, 1]).all()
    assert all(map(has_effort, found.values()))


def test_the_page_of_a_task_draws_both_curves_and_a_run_its_timelines(teams, tmp_path):
    sites.build(teams, tmp_path / "site")
    (page,) = (tmp_path / "site/tasks").glob("*.html")
    text = page.read_text()
    assert text.count("<h3>The person&#39;s effort</h3>") + text.count("<h3>The person's effort</h3>") == 2
    assert "Up and left is better. A line joins the rows that differ in nothing but" in text
    scripts = [path.read_text() for path in (tmp_path / "site/attempts").glob("*.js")]
    asking = [text for text in scripts if '["human","question",' in text]
    assert len(scripts) == 8 and len(asking) == 4


def test_success_over_budgets_has_a_figure_for_each_person(teams):
    """Lines of two people had one name in one figure."""
    of_one = sites.load(teams).sections
    (figure,) = over_budgets(of_one)
    assert figure.title == "success against the person's effort"
    assert [trace["name"] for trace in figure.plot["data"]] == [
        "ask-when-uncertain x sim/clerk", "autonomous x sim/clerk",
    ]  # fmt: skip
    human = of_one[0].comparability["roles"]["human"]
    of_other = [under(each, roles={"human": {**human, "args": {"error": 0.3}}}) for each in of_one]
    both = over_budgets([*of_one, *of_other])
    assert [len(each.plot["data"]) for each in both] == [2, 2]
    assert [each.title.partition(": ")[2] for each in both] == [
        "roles.human.args.error=0.3", "roles.human.args.error=none",
    ]  # fmt: skip
    assert over_budgets([of_one[0], of_other[1]]) == over_budgets([]) == []


def under(section, **fields):
    """The same section under another comparability key."""
    entries = []
    for entry in section.entries:
        runs = [{**r, "comparability": {**r["comparability"], **fields}} for r in entry.arm.runs]
        entries.append(replace(entry, arm=replace(entry.arm, runs=tuple(runs))))
    return replace(section, entries=entries)


def test_a_picture_has_a_line_a_row_and_none_is_drawn_where_nobody_took_part(teams, tmp_path):
    found = list(arms(teams).values())
    assert plot_comparisons([], found, tmp_path / "utility.svg", "utility") == "utility"
    drawn = (tmp_path / "utility.svg").read_text()
    assert drawn.count("ask-when-uncertain") == 2 and drawn.count("autonomous") == 2
    lone = [replace(found[0], runs=({**found[0].runs[0], "metrics": {}},))]
    with pytest.raises(UsageError, match="no run here measured a person's effort"):
        plot_comparisons([], lone, tmp_path / "none.svg", "utility")


def message(role, content="", *calls):
    made = [{"id": "1", "name": name, "arguments": arguments} for name, arguments in calls]
    return {"role": role, "content": content, **({"calls": made} if made else {})}


def test_a_timeline_says_who_acted_and_what_was_refused():
    trace = {
        "messages": [
            message("user", "go"),
            message("assistant", "", ("ask_human", {"question": "which?"})),
            message("tool", "blue"),
            message("assistant", "", ("ask_human", {"question": "and?"})),
            message("assistant", "done"),
        ]
    }
    log = [
        {"kind": "question", "step": 0, "reply": "blue", "seconds": 3.5},
        {"kind": "question", "step": 1, "refused": True, "seconds": None},
        {"kind": "irreversible", "step": 1},
    ]
    found = timeline(json.dumps(trace), json.dumps({"human": log}))
    assert [entry[:2] for entry in found] == [
        ["agent", "ask_human"],
        ["human", "question"],
        ["agent", "ask_human"],
        ["human", "refused"],
        ["agent", "says"],
    ]
    assert found[1] == ["human", "question", "blue", 3.5]


@pytest.mark.parametrize("step", [0, 1, 2])
def test_an_interruption_stands_between_the_actions_between_which_it_came(step):
    """Its step is the number of actions before it, and the agent had heard it when it made the next."""
    trace = {"messages": [message("assistant", "", ("ask_human", {})), message("assistant", "done")]}
    log = [{"kind": "question", "step": 0, "reply": "blue"}]
    spoke = [{"kind": "interruption", "step": step, "reply": "wait"}]
    found = timeline(json.dumps(trace), json.dumps({"human": log, "interruptions": spoke}))
    others = ["ask_human", "question", "says"]
    place = {0: 0, 1: 2, 2: 3}[step]
    assert [what for _, what, _, _ in found] == [*others[:place], "interruption", *others[place:]]


@pytest.mark.parametrize(
    ("trace", "answer"),
    [
        (None, '{"human": []}'),
        ("{}", None),
        ("{}", "no json of a human"),
        ("{}", '["human"]'),
        ("{}", '{"human": 5}'),
        ('{"messages": 5}', '{"human": [5, {"step": "x"}]}'),
        ('{"messages": [{"role": "assistant", "calls": 3}]}', '{"calls": []}'),
    ],
)
def test_what_is_no_episode_with_a_person_has_no_timeline(trace, answer):
    assert timeline(trace, answer) is None


def test_what_an_outsider_wrote_is_text_of_bounded_length():
    trace = {"messages": [{"role": "assistant", "content": "x" * 999, "calls": [{"name": ["<b>"]}, 7]}]}
    log = [{"kind": {"a": 1}, "step": 0, "reply": "y" * 999, "seconds": True}]
    found = timeline(json.dumps(trace), json.dumps({"human": log}))
    assert [type(value) for value in found[1]] == [str, str, str, type(None)]
    assert max(len(value) for entry in found for value in entry if value) <= 160
