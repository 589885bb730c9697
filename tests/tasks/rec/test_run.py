"""From the command to the record: whole-set metrics, the model `none`, what a method may not reach."""

import json

import pytest
from click.testing import CliRunner

from harness.base.errors import UsageError
from harness.cli import cli
from harness.display.records import print_records
from harness.results.store import Store


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    lines = [" ".join([f"u{u}", *(f"i{(u * k + k) % 11}" for k in range(1, 6))]) for u in range(20)]
    (tmp_path / "train.txt").write_text("\n".join(lines))

    def call(*arguments):
        done = CliRunner().invoke(
            cli,
            [
                "eval",
                "--task",
                "rec/custom",
                "-T",
                "train=train.txt",
                "-T",
                "format=lists",
                *arguments,
                "--json",
            ],
        )
        if isinstance(done.exception, UsageError):
            raise done.exception
        assert done.exit_code == 0, done.output + done.stderr
        return json.loads(done.stdout)["runs"]

    return call


def test_a_record_has_metrics_of_users_and_of_the_set(run, tmp_path):
    (made,) = run("--method", "most-popular", "--model", "echo/a,echo/b")
    record = Store(tmp_path / "results").read((tmp_path / made["record"]).parent)
    assert record["model"] == "none" and record["status"] == "complete"
    assert record["metrics"]["ndcg@10"]["ci"] is not None
    assert record["metrics"]["coverage@5"]["ci"] is None and 0 < record["metrics"]["coverage@5"]["value"] <= 1
    assert record["metric_ranges"]["gini@10"]["high"] == 1.0
    assert record["data_access"]["interactions_seen"] > 60
    from pyarrow import parquet

    rows = parquet.read_table(tmp_path / made["samples"])
    assert "coverage@5" not in rows.column_names and "ndcg@10" in rows.column_names
    assert all(len(set(answer.split("\t"))) > 3 for answer in rows["answer"].to_pylist())
    (again,) = run("--method", "most-popular")
    assert again["run_id"] == made["run_id"]
    (other,) = run("--method", "most-popular", "-T", "protocol=released")
    assert other["comparability_key"] != made["comparability_key"]


def test_strata_of_the_primary_metric_are_printed(run, tmp_path, capsys):
    """The LightGCN splits have recall@20 as their primary metric."""
    (made,) = run("--method", "most-popular")
    record = Store(tmp_path / "results").read((tmp_path / made["record"]).parent)
    print_records([{**record, "primary": "recall@20"}])
    printed = capsys.readouterr().out
    assert "head" in printed and f"{record['metrics']['recall@20/head']['value']:.3f}" in printed


def test_other_training_data_are_another_comparison(run, tmp_path):
    (first,) = run("--method", "most-popular")
    with (tmp_path / "train.txt").open("a") as file:  # a user without a test item
        file.write("\nlonely i1")
    (second,) = run("--method", "most-popular")
    assert first["comparability_key"] != second["comparability_key"]


def test_what_a_task_does_not_offer_is_named_before_loading(run):
    with pytest.raises(UsageError, match="needs labelled"):
        run("--method", "few-shot")


def test_a_language_model_can_be_asked_for_a_ranking(run):
    (made,) = run("--method", "direct", "--model", "echo/i1\ni2")
    assert made["counts"]["ok"] > 0 and made["metrics"]["recall@5"]["value"] > 0


def test_a_pair_of_a_grid_that_does_not_fit_is_left_out_and_said(caplog):
    from harness.run.plan import Request, plan

    methods = "lightgcn,lightgcn+llminit-var,most-popular"
    cells = plan(Request("rec/gowalla,rec/ml-100k,rec/amazon-games", methods, seeds=5))
    assert len(cells) == 5 * (3 * 3 - 1) and {cell.model for cell in cells} == {"none"}
    assert "left out: rec/gowalla x lightgcn+llminit-var" in caplog.text and "item_texts" in caplog.text
    with pytest.raises(UsageError, match="needs item_texts"):
        plan(Request("rec/gowalla", methods))
    with pytest.raises(UsageError, match="needs interactions"):
        plan(Request("rec/gowalla,countdown", "most-popular"))
