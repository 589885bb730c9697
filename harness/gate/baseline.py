"""Baselines: reference runs by name. A baseline is a list of runs, and changes only when it is set."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base.documents import load_json
from harness.base.errors import RecordError, UsageError, nearest
from harness.comparison.arms import Arm, Row, arms_of
from harness.comparison.items import load_items
from harness.comparison.select import newest_versions
from harness.results.ceiling import ceilings
from harness.results.index import read_index

SCHEMA = 1
FOLDER = "baselines"
#: fewer runs say nothing about how much the reference itself moves from run to run
MIN_RUNS = 3
#: where baselines are looked for besides the store that is named
USUAL_STORES = (Path("results"), Path("results/published"))


@dataclass(frozen=True)
class Baseline:
    """A named list of runs, found again and verified by their digests."""

    name: str
    path: Path
    created_at: str
    arms: list[Arm]


def set_baseline(
    root: Path,
    name: str,
    rows: Sequence[Row],
    *,
    replace: bool = False,
    min_runs: int = MIN_RUNS,
    allow: Callable[[Baseline], None] = lambda baseline: None,
) -> Path:
    """Writes `<store>/baselines/<name>.json`, pooling each subject's complete runs of the newest version.

    Args:
        allow: raises where the baseline must not be set, as by margins that its runs can't show.

    Raises:
        UsageError: a bad name, one that exists already (unless `replace`), nothing to pool, or a
            subject with fewer than `min_runs` runs, or with one that measured nothing or is a ceiling.
    """
    path = path_of(root, name)
    if path.exists() and not replace:
        raise UsageError(f"the baseline {name!r} exists; --overwrite sets it again")
    arms = arms_of(newest_versions([row for row in rows if row["status"] == "complete"])[0])
    if not arms:
        raise UsageError(f"no complete runs in {root} to make a baseline of")
    if oracle := next((arm for arm in arms if ceilings(arm.runs)), None):
        raise UsageError(
            f"{oracle.task}: {oracle.named(arms)} {ceilings(oracle.runs)}: a ceiling is no baseline; "
            "--task, --method, --model and -M leave out what is not meant"
        )
    empty = [arm for arm in arms if not all(run["counts"]["ok"] for run in arm.runs)]
    if empty:
        raise UsageError(
            f"{empty[0].task}: {empty[0].named(arms)} has a run that measured nothing, as every attempt "
            "failed; 'harness results retract' takes it back, --task, --method and --model leave out what is "
            "not meant"
        )
    few = [arm for arm in arms if len(arm.runs) < min_runs]
    if few:
        short = "; ".join(f"{arm.task}: {arm.named(arms)} has {len(arm.runs)}" for arm in few[:4])
        raise UsageError(
            f"a baseline pools at least {min_runs} runs of each subject, and {short}; run more "
            f"seeds, as in harness eval --seeds {min_runs}, or the same ones with --overwrite; "
            "--task, --method and --model leave out what is not meant"
        )
    created_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    allow(Baseline(name, path, created_at, arms))
    document = {
        "schema": SCHEMA,
        "kind": "baseline",
        "name": name,
        "created_at": created_at,
        "arms": [_arm(arm, root) for arm in arms],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
    temporary.replace(path)
    return path


def path_of(root: Path, name: str) -> Path:
    """Where the baseline of a store lies.

    Raises:
        UsageError: a bad name.
    """
    if not name or not all(c.isalnum() or c in "-._" for c in name) or name.startswith("."):
        raise UsageError(f"a baseline's name is made of letters, digits, '-', '_' and '.', not {name!r}")
    return root / FOLDER / f"{name}.json"


def _arm(arm: Arm, root: Path) -> dict[str, Any]:
    import numpy as np

    from harness.results.ranges import estimate

    values = [run["metrics"][arm.primary]["value"] for run in arm.runs]
    attempts = load_items(arm, arm.primary).cells
    spread = None if np.isnan(attempts).any() else estimate(arm.metric_range(), attempts).rerun_stderr
    return {
        "task": arm.task,
        "method": arm.method,
        "model": arm.model,
        "metric": arm.primary,
        "comparability_key": arm.comparability_key,
        "subject_key": arm.subject_key,
        "value": float(np.mean(values)),
        "rerun_stderr": spread,
        "runs": [
            {
                "run_id": run["run_id"],
                "attempt": run["attempt"],
                "result_digest": run["result_digest"],
                "record": os.path.relpath(run["record"], root),
            }
            for run in arm.runs
        ],
    }


def find_baseline(name: str, stores: Sequence[Path]) -> Path:
    """The file of a baseline, given by name or path: in the first of `stores` and the usual ones that
    has it.

    Raises:
        UsageError: there is none; names the nearest.
    """
    if name.endswith(".json"):
        if Path(name).is_file():
            return Path(name)
        raise UsageError(f"no baseline file {name}")
    known: dict[str, Path] = {}
    for path in list_baselines(stores):
        known.setdefault(path.stem, path)
    if name not in known:
        looked = ", ".join(str(store) for store in dict.fromkeys((*stores, *USUAL_STORES)))
        cure = (
            nearest(name, known, "baseline")
            if known
            else f"there is none in {looked}; 'harness baseline set NAME' makes one"
        )
        raise UsageError(f"no baseline {name!r}; {cure}")
    return known[name]


def list_baselines(stores: Sequence[Path]) -> list[Path]:
    """The baseline files of `stores` and the usual ones, in that order."""
    return [
        path
        for store in dict.fromkeys((*stores, *USUAL_STORES))
        for path in sorted((store / FOLDER).glob("*.json"))
    ]


def read_baseline(path: Path) -> Baseline:
    """A baseline with the rows of its runs.

    Raises:
        RecordError: the file is broken, or a run is missing or no longer the one that was named.
    """
    try:
        document = load_json(path.read_text("utf-8"))
        schema, root = int(document["schema"]), path.parent.parent
        listed = {run["record"]: run["result_digest"] for arm in document["arms"] for run in arm["runs"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path} is not a baseline ({type(error).__name__}: {error})") from None
    if schema > SCHEMA:
        raise RecordError(f"{path} has schema {schema}; this harness reads up to {SCHEMA}: upgrade it")
    index = read_index(root)
    rows = {os.path.relpath(row["record"], root): row for row in index.rows}
    for record, digest in listed.items():
        if record not in rows:
            fault = next((f for f in index.faults if record in f), "the record is gone")
            raise RecordError(f"{path} names {root / record}: {fault}")
        if rows[record]["result_digest"] != digest:
            raise RecordError(f"{root / record} is no longer the run that {path} names")
    return Baseline(
        str(document["name"]), path, str(document["created_at"]), arms_of(rows[record] for record in listed)
    )
