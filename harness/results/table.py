"""Tables: views over the records, as pandas DataFrames."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import DECLINED, RecordError, UsageError
from harness.results.attempts import TOKENS
from harness.results.reasons import COLUMNS as REASON_COLUMNS
from harness.results.reasons import reason_counts
from harness.results.served import names_text
from harness.results.store import Store

if TYPE_CHECKING:
    import pandas as pd

USAGE = (*TOKENS, "cost_usd")
COLUMNS = (
    "task",
    "task_version",
    "method",
    "method_version",
    "model",
    "seed",
    "metric",
    "value",
    "stderr",
    "ci_low",
    "ci_high",
    "ci_method",
    "rerun_stderr",
    "scored_only",
    "n_items",
    "epochs",
    "ok",
    "unscored",
    "error",
    *DECLINED,
    "no_answer",
    *REASON_COLUMNS.values(),
    "truncated",
    *USAGE,
    "estimated",
    "labels_seen",
    "pool_size",
    "draws",
    "draw_digest",
    "served",
    "validation_last",
    "validation_peak",
    "validation_peak_step",
    "status",
    "comparability_key",
    "subject_key",
    "run_id",
    "record",
)


SHARED = (
    "task",
    "task_version",
    "method",
    "method_version",
    "model",
    "seed",
    "n_items",
    "epochs",
    "draws",
    "draw_digest",
    "status",
    "comparability_key",
    "subject_key",
    "run_id",
    "record",
)
COUNTS = ("ok", "unscored", "error", *DECLINED, "no_answer", "truncated")


def frame(store: str | Path = "results", **filters: Any) -> pd.DataFrame:
    """One row per run and metric, of the runs in force. Records that can't be trusted are left out, each
    with a warning.

    Args:
        store: the folder of results.
        filters: a column and the value wanted, such as `task="aime24"`.

    Raises:
        UsageError: a filter is no column.
    """
    from harness.results.index import in_force, read_index

    index = read_index(Path(store))
    for fault in index.faults:
        warnings.warn(f"left out: {fault}", stacklevel=2)
    table = frame_of(in_force(index.rows))
    for column, value in filters.items():
        if column not in table.columns:
            raise UsageError(f"no column {column!r}; there are: {', '.join(COLUMNS)}")
        table = table[table[column] == value]
    return table.sort_values(["task", "metric", "method", "model", "seed"]).reset_index(drop=True)


def frame_of(found: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per run and metric of rows of the index, in their order."""
    import pandas as pd

    rows = []
    for row in found:
        shared = {
            **{key: row[key] for key in SHARED},
            **{key: row["counts"].get(key, 0) for key in COUNTS},
            **reason_counts(row),
            **{key: row["usage"].get(key) for key in USAGE},
            "estimated": row["usage"].get("estimated", 0),
            "labels_seen": row["data_access"].get("labels_seen", 0),
            "pool_size": row["data_access"].get("pool_size", 0),
            "served": names_text(row),
            **_validation(row["curve"]),
        }
        for name, metric in row["metrics"].items():
            low, high = metric["ci"] or (None, None)
            rows.append(
                {
                    **shared,
                    "metric": name,
                    "value": metric["value"],
                    "stderr": metric["stderr"],
                    "ci_low": low,
                    "ci_high": high,
                    "ci_method": metric["ci_method"],
                    "rerun_stderr": metric["rerun_stderr"],
                    "scored_only": metric["scored_only"],
                }
            )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in (*TOKENS, *REASON_COLUMNS.values()):
        if table[name].isna().any():  # counts stay whole numbers beside unknown ones
            table[name] = table[name].astype("Int64")
    return table


def as_csv(table: pd.DataFrame) -> str:
    """A table of runs as CSV, with `?` for a use or a cost that is unknown; texts as in `export.csv_cell`."""
    from pandas.api.types import is_numeric_dtype

    from harness.results.export import csv_cell

    shown = table.copy()
    for name in USAGE:
        if name in shown and shown[name].isna().any():
            shown[name] = shown[name].astype(object).where(shown[name].notna(), "?")
    for name in shown:
        if not is_numeric_dtype(shown[name]):
            shown[name] = shown[name].map(csv_cell)
    return str(shown.rename(columns=csv_cell).to_csv(index=False))


def _validation(curve: dict[str, Any] | None) -> dict[str, Any]:
    """What a learning curve says of the validation split, which is not the test."""
    last, peak = ((curve or {}).get(name) or {} for name in ("dev_last", "dev_peak"))
    return {
        "validation_last": last.get("value"),
        "validation_peak": peak.get("value"),
        "validation_peak_step": peak.get("step"),
    }


def curves_frame(store: str | Path = "results") -> pd.DataFrame:
    """One row per run in force and step of its learning curve, of the runs that have one; columns as
    `harness.results.curve.Point`. A curve that can't be trusted is left out with a warning."""
    import pandas as pd

    from harness.learning_curve import Point
    from harness.results.curve import read_curve
    from harness.results.index import in_force, read_index

    index = read_index(Path(store))
    faults, rows = list(index.faults), []
    names = (
        "task",
        "task_version",
        "method",
        "method_version",
        "model",
        "seed",
        "status",
        "comparability_key",
        "subject_key",
        "run_id",
    )
    for row in in_force(index.rows):
        try:
            rows += [{**{name: row[name] for name in names}, **point} for point in read_curve(row)]
        except RecordError as error:
            faults.append(str(error))
    for fault in faults:
        warnings.warn(f"left out: {fault}", stacklevel=2)
    table = pd.DataFrame(rows, columns=[*names, *Point.model_fields])
    return table.sort_values(["task", "method", "model", "seed", "run_id", "step"]).reset_index(drop=True)


def samples_frame(run: str, store: str | Path = "results") -> pd.DataFrame:
    """One row per attempt of a run, given by its id or the beginning of it."""
    from harness.results.stored import read_attempts

    return read_attempts(Store(Path(store)).find(run)).to_pandas()
