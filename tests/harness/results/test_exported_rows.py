"""Every field of an exported row holds what its name says: each value of the record is another one."""

import csv
import io
import itertools

import pytest

from harness.answers.reading import REASONS
from harness.base.errors import DECLINED
from harness.results.export import every_eval_ever, latex, markdown, run_object
from harness.results.table import COLUMNS, as_csv, curves_frame, frame, frame_of
from harness.testing import seal_scores

COUNTS = (
    *("ok", "unscored", "error", *DECLINED, "no_answer", "truncated"),
    *("user_failed", "grader_failed", "user_retries", "judge_errors"),
)
TOKENS = (
    *("calls", "input_tokens", "cached_input_tokens", "cache_write_tokens"),
    *("output_tokens", "reasoning_tokens"),
)
MORE = ("stderr", "rerun_stderr", "scored_only")


def record():
    """A record, or a row of the index, in which no two values are alike."""
    number = itertools.count(101)
    metrics = {
        name: {
            "value": next(number) / 1000,
            **{key: next(number) / 1000 for key in MORE},
            "ci": (next(number) / 1000, next(number) / 1000),
            "ci_method": f"by {name}",
            "df": 7.0,
            "n_clusters": next(number),
            "n_items": next(number),
        }
        for name in ("accuracy", "other")
    }
    return {
        **{
            name: f"the {name}"
            for name in ("primary", "model", "status", "draws", "draw_digest", "created_at")
        },
        **{name: f"the {name}" for name in ("comparability_key", "subject_key", "run_id", "record")},
        **{name: f"the {name}" for name in ("samples_path", "model_revision", "reused")},
        "seed": next(number),
        "n_items": next(number),
        "epochs": next(number),
        "counts": {name: next(number) for name in ("attempts", *COUNTS)},
        "reasons": {reason: next(number) for reason in REASONS},
        "metrics": metrics,
        "metric_ranges": {
            "accuracy": {"low": -2.0, "high": 3.0, "lower_is_better": True},
            "other": {"low": None, "high": None},
        },
        "usage": {name: next(number) for name in (*TOKENS, "cost_usd", "unreported", "estimated")}
        | {"by_purpose": {"fit": {"calls": 1}}},
        "data_access": {"labels_seen": next(number), "pool_size": next(number)},
        "served": {"models": {"m": {"names": ["m-1"]}}},
        "volatile": {name: next(number) for name in ("cache_hits", "paid_usd", "wall_s")},
        "curve": {
            "dev_last": {"value": next(number), "step": next(number)},
            "dev_peak": {"value": next(number), "step": next(number)},
        },
        "measures": {"m": 1},
        "environment": {"harness": "9.9"},
        "subject": {"decoding": {"temperature": 0.5}},
    }


def run():
    return record() | {part: {"name": f"the {part}", "version": f"{part} 1-A"} for part in ("task", "method")}


def row():
    names = ("task", "task_version", "method", "method_version")
    return record() | {name: f"the {name}" for name in names}


def test_a_row_of_the_table():
    given = row()
    table = frame_of([given])
    assert list(table.columns) == list(COLUMNS) and list(table["metric"]) == ["accuracy", "other"]
    for shown, (name, metric) in zip(table.to_dict("records"), given["metrics"].items(), strict=True):
        wanted = {
            **{
                key: given[key]
                for key in ("task", "task_version", "method", "method_version", "model", "seed")
            },
            **{key: given[key] for key in ("n_items", "epochs", "draws", "draw_digest", "status", "record")},
            **{key: given[key] for key in ("comparability_key", "subject_key", "run_id")},
            "metric": name,
            "value": metric["value"],
            **{key: metric[key] for key in MORE},
            "ci_low": metric["ci"][0],
            "ci_high": metric["ci"][1],
            "ci_method": f"by {name}",
            **{key: given["counts"][key] for key in ("ok", "unscored", "error", *DECLINED)},
            **{key: given["counts"][key] for key in ("no_answer", "truncated")},
            **{f"reason_{reason.replace(' ', '_')}": given["reasons"][reason] for reason in REASONS},
            **{key: given["usage"][key] for key in (*TOKENS, "cost_usd", "estimated")},
            **given["data_access"],
            "served": "m-1",
            "validation_last": given["curve"]["dev_last"]["value"],
            "validation_peak": given["curve"]["dev_peak"]["value"],
            "validation_peak_step": given["curve"]["dev_peak"]["step"],
        }
        assert shown == wanted


def test_what_a_record_does_not_say_is_empty_and_an_unknown_use_is_a_question_mark():
    bare = row() | {"reasons": None, "curve": None, "served": None, "data_access": {}}
    bare["counts"] = {"attempts": 3}
    bare["usage"] = {"calls": 3}
    bare["metrics"] = {"accuracy": {**bare["metrics"]["accuracy"], "ci": None}}
    (shown,) = frame_of([bare]).to_dict("records")
    assert [shown[name] for name in ("ok", "error", "labels_seen", "pool_size", "estimated")] == [0] * 5
    for name in ("ci_low", "reason_cut_off", "validation_last", "validation_peak"):
        assert shown[name] is None or shown[name] != shown[name] or str(shown[name]) == "<NA>"
    (line,) = csv.DictReader(io.StringIO(as_csv(frame_of([bare]))))
    assert {line[name] for name in (*TOKENS[1:], "cost_usd")} == {"?"} and line["calls"] == "3"
    assert as_csv(frame_of([row()])).count("?") == 0


def test_the_object_of_a_run():
    given = run()
    made = run_object(given)
    metrics = {
        name: {key: value for key, value in metric.items() if key != "df"}
        for name, metric in given["metrics"].items()
    }
    assert made == {
        **{key: given[key] for key in ("run_id", "status", "model", "seed", "n_items", "epochs", "reasons")},
        **{key: given[key] for key in ("primary", "data_access", "served", "draws", "draw_digest", "record")},
        **{key: given[key] for key in ("comparability_key", "curve", "measures")},
        "task": "the task",
        "task_version": "task 1-A",
        "method": "the method",
        "method_version": "method 1-A",
        "counts": {key: given["counts"][key] for key in COUNTS},
        "metrics": metrics,
        "usage": {
            **given["usage"],
            **given["volatile"],
        },
        "reused": True,
        "isolated": False,
        "samples": "the samples_path",
    }
    less = run_object(given | {"curve": None, "measures": None, "reused": ""})
    assert made.keys() - less.keys() == {"curve", "measures"} and less["reused"] is False


def test_every_eval_ever():
    given = run()
    made = every_eval_ever(given)
    first, second = made.pop("evaluation_results")
    assert made == {
        "schema_version": "0.3.0",
        "evaluation_id": f"the task/the model/{given['run_id'][:12]}",
        "retrieved_timestamp": "the created_at",
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": "harness",
            "evaluator_relationship": "third_party",
        },
        "eval_library": {
            "name": "harness",
            "version": "9.9",
            "additional_details": {
                "method": "the method",
                "run_id": "the run_id",
                **{name: str(given["counts"][name]) for name in ("unscored", "error", *DECLINED)},
            },
        },
        "model_info": {
            "name": "the model",
            "id": "the model",
            "additional_details": {
                "revision": "the model_revision",
                "served": "m-1",
            },
        },
    }
    metric = given["metrics"]["accuracy"]
    assert first == {
        "evaluation_name": "the task/accuracy",
        "metric_config": {
            "metric_id": "accuracy",
            "lower_is_better": True,
            "min_score": -2.0,
            "max_score": 3.0,
            "score_type": "continuous",
        },
        "score_details": {
            "score": metric["value"],
            "uncertainty": {
                "num_samples": metric["n_items"],
                "standard_error": {"value": metric["stderr"]},
                "confidence_interval": {
                    "lower": metric["ci"][0],
                    "upper": metric["ci"][1],
                    "confidence_level": 0.95,
                    "method": "by accuracy",
                },
            },
        },
        "generation_config": {"additional_details": {"temperature": "0.5"}},
    }
    config = second["metric_config"]
    assert (config["min_score"], config["max_score"], config["lower_is_better"]) == (None, None, False)
    bare = given | {"counts": {}, "served": None}
    bare["metrics"] = {"accuracy": {**metric, "n_items": None, "stderr": None, "ci": None}}
    made = every_eval_ever(bare)
    (only,) = made["evaluation_results"]
    assert only["score_details"]["uncertainty"] == {"num_samples": given["n_items"]}
    assert made["eval_library"]["additional_details"].keys() == {"method", "run_id"}
    assert made["model_info"]["additional_details"] == {"revision": "the model_revision"}


def test_the_frames_of_a_store(tmp_path):
    curve = [{"step": n, "dev": n / 10, "rollouts": 10 * n} for n in range(3)]
    for seed in (1, 0):
        seal_scores(tmp_path, [1, 0, 1], method="direct", seed=seed)
        seal_scores(tmp_path, [1, 0, 0], method="curator", seed=seed, needs=("trainable",), curve=curve)
    table = frame(tmp_path)
    assert list(zip(table["method"], table["seed"], strict=True)) == [
        *(("curator", 0), ("curator", 1)),
        *(("direct", 0), ("direct", 1)),
    ]
    assert list(table["value"]) == pytest.approx([1 / 3] * 2 + [2 / 3] * 2)
    assert list(table["calls"]) == [3] * 4 and list(table["output_tokens"]) == [3] * 4
    assert list(frame(tmp_path, method="direct", seed=1)["ok"]) == [3]
    assert list(table["draws"]) == ["run"] * 2 + ["none"] * 2
    steps = curves_frame(tmp_path)
    assert list(steps["step"]) == [0, 1, 2] * 2 and list(steps["seed"]) == [0] * 3 + [1] * 3
    assert list(steps["dev"]) == pytest.approx([0, 0.1, 0.2] * 2) and set(steps["method"]) == {"curator"}


def test_tables_in_markdown_and_latex():
    names, rows = ["a|b", "n_1"], [["<x>\n`y`", "5 %"]]
    assert markdown(names, rows) == "| a\\|b | n_1 |\n| --- | --- |\n| &lt;x> \\`y\\` | 5 % |\n"
    assert latex(names, rows, 1) == (
        "\\begin{tabular}{lr}\n\\toprule\na|b & n\\_1 \\\\\n\\midrule\n"
        "<x> `y` & 5 \\% \\\\\n\\bottomrule\n\\end{tabular}\n"
    )
