"""The runs of a sweep before any is made: their values and their seeds."""

import pytest

from harness.api.sweep_cells import cells_of, first_seed
from harness.api.sweeps import check_asked, check_surface, sweep
from harness.base.errors import UsageError
from harness.run.plan import Request


def seeds(method, name, values, **how):
    same = how.pop("same_seeds", False)
    _, cells = cells_of(Request(task="banking77", method=method, seeds=2, **how), [(name, values)], same)
    return {
        cell.method_args[name]: [c.seed for c in cells if c.method_args == cell.method_args] for cell in cells
    }


def test_a_method_that_draws_has_seeds_of_its_own_at_every_value():
    assert seeds("few-shot", "k", [8, 0, 4]) == {0: [0, 1], 4: [4000, 4001], 8: [8000, 8001]}
    assert seeds("few-shot", "k", [4, 16])[4] == [4000, 4001]  # whatever else is swept
    assert seeds("few-shot", "k", [8, 4], same_seeds=True) == {4: [0, 1], 8: [0, 1]}
    assert seeds("self-consistency", "samples", [1, 2]) == {1: [0, 1], 2: [0, 1]}


def test_every_value_has_a_place_for_its_seeds():
    values = [0.0, 1.0, 999_999.0, 0.1, 0.5, 0.25, -1.0, 1e9, 1e-9]
    blocks = [first_seed(value) // 1000 for value in values]
    assert len(set(blocks)) == len(values) and all(first_seed(v) % 1000 == 0 for v in values)
    assert all(0 <= first_seed(value) + 999 < 2**31 for value in values)
    with pytest.raises(UsageError, match="--same-seeds"):
        cells_of(Request(task="banking77", method="few-shot", seeds=1001), [("k", [1, 2])])


@pytest.mark.parametrize("margin", [0.0, -0.1, 1.0, float("nan")])
def test_a_margin_is_above_nothing_and_below_everything(margin):
    _, cells = cells_of(Request(task="banking77", method="few-shot"), [("k", [1, 2])])
    check_asked(0.02, None, cells)
    with pytest.raises(UsageError, match="--margin"):
        check_asked(margin, None, cells)


def test_a_metric_that_no_task_has_is_refused_before_anything_runs():
    _, cells = cells_of(Request("arc1d", "self-consistency"), [("samples", [1, 2])], False)
    check_asked(None, "accuracy", cells)
    check_asked(None, "pass@2", cells)
    with pytest.raises(UsageError, match="did you mean 'accuracy'"):
        check_asked(None, "acuracy", cells)


def test_two_arguments_make_a_grid_whose_cells_have_seeds_of_their_own():
    settings = [("k", [8, 4]), ("level", [1, 2, 3])]
    names, cells = cells_of(Request("countdown", "few-shot", seeds=2), settings)
    assert names == ("k", "level")
    at = [(cell.method_args["k"], int(cell.task_args["level"]), cell.seed) for cell in cells]
    assert [each[:2] for each in at[::2]] == [(4, 1), (4, 2), (4, 3), (8, 1), (8, 2), (8, 3)]
    assert len({seed // 1000 for *_, seed in at}) == 6 and [seed % 1000 for *_, seed in at] == [0, 1] * 6
    assert at[0][2] == first_seed(4.0, 1.0) < 2**31 and first_seed(4.0, 1.0) != first_seed(1.0, 4.0)
    _, same = cells_of(Request("countdown", "few-shot"), settings, same_seeds=True)
    assert {cell.seed for cell in same} == {0}


@pytest.mark.parametrize("names", [["k", "k"], ["k", "few-shot.k"], ["k", "level", "seed"], []])
def test_a_surface_is_over_two_names(names):
    request = Request("countdown", "few-shot")
    settings = [(name, [1, 2]) for name in names]
    with pytest.raises(UsageError, match="over one argument, or over two of two names|no method or task"):
        cells_of(request, settings)


@pytest.mark.parametrize(
    ("parameters", "axes", "budget", "says"),
    [
        (1, "dials", None, "--axes is of a sweep over two arguments"),
        (1, None, 100.0, "--iso-budget is of a sweep over two arguments"),
        (2, "token", None, "--axes token: realised or dials"),
        (2, None, 0.0, "--iso-budget 0: a budget is above 0"),
        (2, None, float("nan"), "--iso-budget nan"),
    ],
)
def test_what_only_a_surface_has_is_refused_before_anything_runs(parameters, axes, budget, says):
    check_surface(1, None, None)
    check_surface(2, "realised", 1e-9)
    with pytest.raises(UsageError, match=says):
        check_surface(parameters, axes, budget)


@pytest.mark.parametrize("values", [[1, 2], [[1, 2]], [[1, 2], 3], ["1,2", "3,4"]])
def test_two_parameters_take_two_lists(values):
    with pytest.raises(UsageError, match="2 parameters take as many lists of values"):
        sweep(["samples", "level"], values, "countdown", "self-consistency")
