"""Which end of a metric is good, and where its range lies, changes no claim: turned, moved and widened
metrics give the same verdicts, p, wins, gates, ranks and forms."""

from dataclasses import asdict

import numpy as np
import pytest

from harness.comparison.arms import arms_of
from harness.comparison.flips import flips
from harness.comparison.forms import fits, variances
from harness.comparison.paired import adjust, compare
from harness.comparison.paper import paper, paper_latex, paper_markdown
from harness.comparison.planning import stored_noise
from harness.comparison.sentences import sentence
from harness.comparison.suites import over_suite, suite_sentence, suites
from harness.comparison.sweep import curves
from harness.comparison.to_json import plain, plain_suite
from harness.comparison.trends import trend_of
from harness.display.comparisons import comparison_blocks, flip_blocks
from harness.display.layout import as_text
from harness.display.records import record_blocks
from harness.gate import report
from harness.gate.baseline import read_baseline, set_baseline
from harness.gate.checks import Rules
from harness.gate.ledger import Ledger
from harness.gate.margin import Margin
from harness.gate.pairing import check_all
from harness.gate.selfcheck import self_check
from harness.leaderboard.board import page
from harness.leaderboard.figures import cost_figures, forest
from harness.results.export import every_eval_ever
from harness.results.index import in_force, read_index
from harness.results.store import Store
from harness.spec import MetricRange
from harness.testing import seal_scores

#: the same metric in other clothes: its values are those of shares in [0, 1]
RANGES = {
    "errors": MetricRange(0.0, 1.0, lower_is_better=True),
    "negated": MetricRange(-1.0, 0.0, lower_is_better=True),
    "below zero": MetricRange(-1.0, 0.0),
    "about zero": MetricRange(-1.0, 1.0),
    "a hundred": MetricRange(0.0, 100.0),
    "losses": MetricRange(-3.0, 5.0, lower_is_better=True),
}
AS_IT_IS = MetricRange()


def made(rng, kind, better=0.12, shape=60):
    """Shares of two subjects."""
    hard = rng.beta(0.8, 0.8, shape)
    if kind == "right or wrong":
        return [(rng.random(shape) < np.clip(hard + up, 0, 1)).astype(float) for up in (0.0, better)]
    if kind == "repeated":
        return [
            (rng.random((shape, 4)) < np.clip(hard + up, 0, 1)[:, None]).astype(float) for up in (0.0, better)
        ]
    if kind == "nearly alike":
        base = rng.random(shape).round(3)
        changed = base.copy()
        changed[:3] = np.clip(base[:3] + 0.25, 0, 1)
        return [base, changed]
    return [np.clip(hard + up + rng.normal(0, 0.1, shape), 0, 1) for up in (0.0, better)]


KINDS = ("right or wrong", "repeated", "nearly alike", "graded")


def stored(root, span, pairs, failing=False, **more):
    """The arms (baseline, candidate) of every task, whose shares are given."""
    bad = (lambda item, _: "unscored" if item % 20 == 0 else "ok") if failing else (lambda item, _: "ok")
    for n, (a, b) in enumerate(pairs):
        for method, shares in (("direct", a), ("vote", b)):
            seal_scores(
                root, span.value(shares), task=f"t{n}", method=method, metric_range=span, status=bad, **more
            )
    arms = arms_of(in_force(read_index(root).rows))
    return [(arms[n], arms[n + 1]) for n in range(0, len(arms), 2)]


def claims(comparisons):
    """All that is said of comparisons and has no unit."""
    return [
        {
            "verdict": c.verdict(),
            "p": c.p_value,
            "adjusted": c.adjusted_p,
            "worse": c.p_worse,
            "inferior": c.p_inferior(0.02 * c.span.width),
            "posterior": c.probability_better,
            "test": c.test,
            "won": c.difference.wins,
            "lost": c.difference.losses,
            "gain": c.gain.value,
            "checks": sorted(c.checks.items()),
            "scored": c.scored_gain and c.scored_gain.value,
        }
        for c in comparisons
    ]


def same(one, other):
    """The same JSON, numbers but for rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == pytest.approx(other, rel=1e-6, abs=1e-9)
    return one == other


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clothes", RANGES)
def test_a_metric_in_other_clothes_gives_the_same_claims(tmp_path, clothes, kind, failing):
    rng = np.random.default_rng(KINDS.index(kind))
    pairs = [made(rng, kind), made(rng, kind, better=-0.2)]
    found = []
    for span in (AS_IT_IS, RANGES[clothes]):
        arms = stored(tmp_path / clothes / str(span.low) / str(span.sign), span, pairs, failing)
        comparisons = adjust([compare(candidate, baseline) for baseline, candidate in arms])
        found.append(comparisons)
    plainly, dressed = found
    assert same(claims(plainly), claims(dressed))
    assert same(asdict(over_suite(plainly)), asdict(over_suite(dressed)))
    span = RANGES[clothes]
    for one, other in zip(plainly, dressed, strict=True):
        assert other.candidate_value == pytest.approx(span.value(one.candidate_value))
        assert other.value == pytest.approx(span.unit * one.value)
        assert other.value == pytest.approx(other.candidate_value - other.baseline_value)
        assert sorted(span.unit * end for end in one.interval) == pytest.approx(list(other.interval))
        assert other.interval[0] <= other.value <= other.interval[1]
        ours = [flip.item_digest for flip in flips(other.candidate, other.baseline, "accuracy")]
        assert ours == [flip.item_digest for flip in flips(one.candidate, one.baseline, "accuracy")]


def gate(root, span, pairs, margin):
    """What the gate says of a candidate run of each task against three reference runs: `pairs` holds the
    shares of both."""
    before, after = root / "before", root / "after"
    for n, (reference, candidate) in enumerate(pairs):
        for seed, shares in enumerate(reference):
            seal_scores(before, span.value(shares), task=f"t{n}", seed=seed, metric_range=span)
        seal_scores(after, span.value(candidate), task=f"t{n}", seed=9, metric_range=span)
    reference = read_baseline(set_baseline(before, "main", read_index(before).rows))
    rules = Rules(margin=Margin(margin * span.width, False), runs_most=1)
    return check_all(reference, read_index(after).rows, rules, Ledger(root / "looks"))


@pytest.mark.parametrize("clothes", RANGES)
def test_the_gate_decides_alike_and_a_loss_of_errors_is_more_of_them(tmp_path, clothes):
    rng = np.random.default_rng(3)
    hard = rng.beta(0.8, 0.8, 200)[:, None]

    def runs(up, count):
        return [(rng.random((200, 4)) < np.clip(hard + up, 0, 1)).astype(float) for _ in range(count)]

    pairs = [(runs(0.0, 3), runs(up, 1)[0]) for up in (0.0, -0.3, 0.3, -0.005)]
    decided, texts = [], []
    for name, span in (("plain", AS_IT_IS), (clothes, RANGES[clothes])):
        verdicts = gate(tmp_path / name, span, pairs, 0.15)
        decided.append(
            [
                {
                    "verdict": v.verdict,
                    "p_regressed": v.p_regressed,
                    "p_inferior": v.p_inferior,
                    "loss": v.largest_loss and v.largest_loss / span.width,
                    "exit": v.exit_code,
                }
                for v in verdicts
            ]
        )
        texts.append(report.junit(verdicts).count("<failure"))
        row = report.plain(verdicts, ())["checks"][1]
        assert row["verdict"] == "regressed"
        assert np.sign(row["comparison"]["difference"]["value"]) == -span.sign
    assert same(*decided)
    assert {v["verdict"] for v in decided[0]} >= {"regressed", "ok"}
    assert texts[0] == texts[1] > 0


def test_a_baseline_of_errors_is_held_to_its_margin_and_against_itself(tmp_path):
    rng, span = np.random.default_rng(5), RANGES["errors"]
    hard = rng.beta(0.8, 0.8, 150)[:, None]

    def runs(up, count):
        return [(rng.random((150, 4)) < np.clip(hard + up, 0, 1)).astype(float) for _ in range(count)]

    more, fewer = gate(tmp_path, span, [(runs(0.0, 3), runs(up, 1)[0]) for up in (-0.3, 0.3)], 0.1)
    assert more.verdict == "regressed" and more.comparison.value > 0
    assert fewer.verdict == "ok" and fewer.comparison.value < 0
    assert report.cells(more)[report.COLUMNS.index("difference")].startswith("+")
    reference = read_baseline(tmp_path / "before" / "baselines" / "main.json")
    assert self_check(reference).comparisons == 6 and self_check(reference).flagged == 0


@pytest.mark.parametrize("clothes", RANGES)
def test_ranks_rows_and_fronts_begin_with_the_best(tmp_path, clothes):
    rng = np.random.default_rng(8)
    base = rng.random(80)
    seen = []
    for span in (AS_IT_IS, RANGES[clothes]):
        root = tmp_path / f"{clothes} {span.sign}"
        for method, up, calls in (("direct", 0.0, 1), ("vote", 0.15, 8), ("worse", -0.2, 4)):
            shares = np.clip(0.2 + 0.6 * base + up, 0, 1)
            seal_scores(root, span.value(shares), method=method, calls=calls, metric_range=span)
        rows = in_force(read_index(root).rows)
        (board,) = page(rows)
        order = [(entry.arm.method, entry.rank) for entry in board.entries]
        front = [row[0] for row in cost_figures(board)["calls"].rows if row[-1] == "yes"]
        drawn = [(row[0], row[-1]) for row in forest(board, "direct").rows]
        table = paper(rows)
        best = [table.rows[n][0] for n in table.best(0)]
        bold = [line for line in paper_markdown(table).splitlines() if "**" in line]
        assert len(bold) == 1 and "vote" in bold[0] and "textbf" in paper_latex(table)
        assert ("lower is better" in paper_latex(table)) == span.lower_is_better
        seen.append((order, front, drawn, best))
    assert seen[0] == seen[1]
    order, front, drawn, best = seen[0]
    assert order == [("vote", (1, 1)), ("direct", (2, 2)), ("worse", (3, 3))] and best == ["vote"]
    assert front == ["direct x sim/model", "vote x sim/model"]
    assert [verdict for _, verdict in drawn] == ["better", "worse"]


@pytest.mark.parametrize("clothes", RANGES)
def test_forms_rise_to_what_is_best_and_are_given_in_the_metrics_unit(tmp_path, clothes):
    rng = np.random.default_rng(9)
    hard = rng.normal(0, 0.05, 60)
    made_of = []
    for span in (AS_IT_IS, RANGES[clothes]):
        rng = np.random.default_rng(10)
        root = tmp_path / f"{clothes} {span.sign}"
        for k in (1, 2, 4, 8, 16, 32):
            for seed in range(3):
                shares = np.clip(0.3 + 0.08 * np.log(min(k, 8)) + hard + rng.normal(0, 0.05, 60), 0, 1)
                seal_scores(root, span.value(shares), seed=seed, method_args={"k": k}, metric_range=span)
        (curve,) = curves(in_force(read_index(root).rows), "k")
        made_of.append((curve, *fits(curve)))
    (plainly, forms, said), (dressed, turned, also) = made_of
    span = RANGES[clothes]
    assert said == also and said[0] == "logarithmic"
    assert [fit.form for fit in forms] == [fit.form for fit in turned]
    grid = plainly.grid(20)
    for one, other in zip(forms, turned, strict=True):
        assert one.aic == pytest.approx(other.aic, rel=1e-4, abs=1e-3)
        assert span.value(one.at(grid)) == pytest.approx(other.at(grid), abs=1e-3 * span.width)
        assert all(low <= high for low, high in other.intervals.values())
    assert turned[0].parameters["peak"] == forms[0].parameters["peak"] == 8
    assert np.sign(turned[0].parameters["b"]) == span.sign
    assert variances(dressed) == pytest.approx(variances(plainly))
    better, worse = ("rises", "falls")[:: span.sign]
    assert trend_of(plainly).word == "rises" and trend_of(dressed).word == better != worse
    assert trend_of(dressed).slope == pytest.approx(span.change(trend_of(plainly).slope))


@pytest.mark.parametrize("clothes", RANGES)
def test_methods_that_draw_are_judged_alike_over_runs(tmp_path, clothes):
    rng = np.random.default_rng(11)
    shares = rng.random((12, 40))
    found = []
    for span in (AS_IT_IS, RANGES[clothes]):
        root = tmp_path / f"{clothes} {span.sign}"
        for n, table in enumerate(shares):
            method, up = ("direct", 0.0) if n % 2 else ("grow", 0.25)
            given = span.value(np.clip(0.7 * table + up + 0.01 * n, 0, 1))
            seal_scores(root, given, method=method, seed=n // 2, needs=("trainable",), metric_range=span)
        direct, grow = arms_of(in_force(read_index(root).rows))
        found.append(compare(grow, direct))
    one, other = found
    assert same(claims([one]), claims([other])) and one.verdict() == "better"
    span = RANGES[clothes]
    assert other.value == pytest.approx(span.unit * one.value)
    assert other.claim == "items and runs" and other.test == "crossed t"
    assert other.interval == pytest.approx(span.changes(one.interval))
    assert sentence(other).startswith(f"better {other.signed(other.value)} [")


def test_the_noise_of_a_plan_is_that_of_shares(tmp_path):
    rng = np.random.default_rng(12)
    pairs = [made(rng, "repeated")]
    noises = [
        stored_noise([arm for pair in stored(tmp_path / name, span, pairs) for arm in pair])
        for name, span in {"plain": AS_IT_IS, **RANGES}.items()
    ]
    for noise in noises[1:]:
        assert same(asdict(noise.components), asdict(noises[0].components))


def test_tasks_with_other_ranges_are_pooled_as_gains(tmp_path):
    rng = np.random.default_rng(13)
    a, b = made(rng, "graded"), made(rng, "graded")
    for n, (span, (low, high)) in enumerate(((AS_IT_IS, a), (RANGES["losses"], b))):
        for method, shares in (("direct", low), ("vote", high)):
            seal_scores(tmp_path, span.value(shares), task=f"t{n}", method=method, metric_range=span)
    arms = arms_of(in_force(read_index(tmp_path).rows))
    comparisons = adjust([compare(arms[n + 1], arms[n]) for n in (0, 2)])
    (pooled,) = suites(comparisons)
    gain = np.mean([np.mean(high) - np.mean(low) for low, high in (a, b)])
    assert over_suite(pooled).value == pytest.approx(gain) and gain > 0
    assert f"{100 * gain:+.1f}" in suite_sentence(pooled) and "above 0 where better" in suite_sentence(pooled)
    shown = plain_suite(pooled)
    assert shown["unit"] == "share of range" and shown["value"] == pytest.approx(gain)


def test_people_read_which_end_is_good(tmp_path):
    span = RANGES["negated"]
    shares = np.array([1.0, 0.0, 1.0, 0.5])
    pair = [(shares, np.array([0.0, 1.0, 1.0, 0.5]))]
    ((direct, vote),) = stored(tmp_path, span, pair)
    comparison = compare(vote, direct)
    assert "accuracy: lower is better" in as_text(comparison_blocks([comparison], [vote, direct]))
    assert plain(comparison)["lower_is_better"] is True
    lost, won = flip_blocks(comparison, [vote, direct], 10)[3::6][:2]
    assert (lost.text, lost.style) == ("item-0  -1 -> 0", "red")
    assert (won.text, won.style) == ("item-1  0 -> -1", "green")
    record = Store(tmp_path).read(next((tmp_path / "v1").rglob("run.json")).parent)
    text = as_text(record_blocks([record]))
    assert "accuracy (lower is better)" in text and "lowest ... highest" in text
    config = every_eval_ever(record)["evaluation_results"][0]["metric_config"]
    assert (config["lower_is_better"], config["min_score"], config["max_score"]) == (True, -1.0, 0.0)


def test_failures_count_as_the_worst_value_and_are_said_to(tmp_path):
    span = RANGES["losses"]
    record = seal_scores(
        tmp_path, [-3.0, -3.0], metric_range=span, status=lambda item, _: "unscored" if item else "ok"
    )
    assert record["metrics"]["accuracy"]["value"] == 1.0  # of -3 and 5
    assert record["metrics"]["accuracy"]["scored_only"] == -3.0
    assert "count as 5" in as_text(record_blocks([record]))
    (arm,) = arms_of(in_force(read_index(tmp_path).rows))
    other = seal_scores(tmp_path, [5.0, 5.0], method="vote", metric_range=span)
    assert other["metrics"]["accuracy"]["value"] == 5.0
    arms = arms_of(in_force(read_index(tmp_path).rows))
    found = compare(arms[1], arms[0])
    assert (found.difference.wins, found.difference.losses) == (0, 1) and found.scored_only.value == 8.0
