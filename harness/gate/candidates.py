"""Which stored runs are the candidate's: all that the newest version of a subject has, none left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.comparison.arms import Arm, Row
from harness.gate.checks import Rules
from harness.gate.integrity import too_different
from harness.gate.ledger import Look, version_of
from harness.results.ceiling import ceiling
from harness.results.fields import differing


def candidate_rows(reference: Arm, rows: Iterable[Row], arms: Sequence[Arm] = ()) -> list[Row]:
    """The runs to hold against a reference: the newest version of its task, method and model, and of its own
    arguments of the task if there is any. An older version is no candidate, even where its settings are those
    of the reference.

    Args:
        arms: of the whole baseline; what is nearer to another one of them is that one's candidate.
    """
    names = (reference.task, reference.method, reference.model)
    named = [row for row in rows if (row["task"], row["method"], row["model"]) == names]
    asked = _asked(reference.comparability)
    chosen = [row for row in named if _asked(row["comparability"]) == asked] or named
    chosen = [row for row in chosen if not ceiling(row)] or chosen  # an oracle is nobody's newer version
    others = [arm for arm in arms if arm is not reference and (arm.task, arm.method, arm.model) == names]
    if others:
        nearest = {
            key: _distance(row, reference) <= min(_distance(row, other) for other in others)
            for key, row in {_keys(row): row for row in chosen}.items()
        }
        chosen = [row for row in chosen if nearest[_keys(row)]]
    if not chosen:
        return []
    newest = max(chosen, key=lambda row: (str(row["created_at"]), row["run_id"]))
    version = newest["comparability_key"], version_of(newest)
    return _without_replays(
        reference, [row for row in chosen if (row["comparability_key"], version_of(row)) == version]
    )


def _keys(row: Row) -> tuple[str, str]:
    return row["comparability_key"], row["subject_key"]


def _asked(comparability: Row) -> tuple[object, object]:
    """What a user asks of a task, beside its name."""
    return comparability["task_args"], comparability["limit"]


def _distance(row: Row, arm: Arm) -> int:
    """In how many settings a run differs from an arm."""
    return len(differing(row["comparability"], arm.comparability)) + len(
        differing(row["subject"], arm.subject)
    )


def _without_replays(reference: Arm, rows: list[Row]) -> list[Row]:
    """Without runs of the reference's own version that repeat its outputs seed by seed, as copies of its
    records or a cache give them: they are no new evidence. Where there are no others, they stay."""
    known = {(version_of(run), run["run_id"], run["samples_digest"]) for run in reference.runs}
    new = [row for row in rows if (version_of(row), row["run_id"], row["samples_digest"]) not in known]
    return new or rows


def replaced(named: Sequence[Row], rows: Sequence[Row], reference: Arm, rules: Rules) -> list[Row]:
    """Complete attempts of the same runs that newer ones replaced unasked: no complete run can be left out,
    as one would choose among them by their scores. Those that failed too much to be judged can."""
    newest = {row["run_id"]: row for row in named}
    versions = {version_of(row) for row in named}
    withdrawn = put_right(rows)
    return [
        row
        for row in rows
        if row["run_id"] in newest
        and (row["run_id"], row["attempt"]) not in withdrawn
        and row["attempt"] < newest[row["run_id"]]["attempt"]
        and row["status"] == "complete"
        and version_of(row) in versions
        and row["counts"]["ok"]
        and not any(too_different(Arm((row,)), reference, rules))
    ]


def put_right(rows: Sequence[Row]) -> set[tuple[str, int]]:
    """Run id and attempt of what somebody took back or corrected, with a reason."""
    corrected = {row["supersedes"] for row in rows if row["supersedes"] not in (None, row["run_id"])}
    retracted = {(row["run_id"], row["attempt"]) for row in rows if row["status"] == "retracted"}
    return {
        (row["run_id"], row["attempt"])
        for row in rows
        if row["run_id"] in corrected
        or any(run == row["run_id"] and row["attempt"] <= last for run, last in retracted)
    }


def with_looked_at(
    named: Sequence[Row], rows: Sequence[Row], looks: Sequence[Look]
) -> tuple[list[Row], list[str]]:
    """The runs with those that were looked at before and made again since, which can't be left out; and the
    ids of those that are gone. What was corrected or retracted is no longer asked for. The same outputs of
    one run count once."""
    known = {digest: name for look in looks for name, digest in look.runs.items()}
    by_digest = {str(row["result_digest"]): row for row in rows}
    withdrawn = put_right(rows)
    kept = {(row["run_id"], row["samples_digest"]): row for row in named}
    gone = []
    for digest, name in known.items():
        row = by_digest.get(digest)
        if row is None:
            gone.append(name)
        elif (row["run_id"], row["attempt"]) not in withdrawn:
            kept.setdefault((row["run_id"], row["samples_digest"]), row)
    return list(kept.values()), sorted(gone)


def of_tonight(named: list[Row], nights: Sequence[Look], tonight: str) -> list[Row]:
    """Without the runs of earlier nights."""
    before = {digest for look in nights if look.night != tonight for digest in look.runs.values()}
    return [row for row in named if row["result_digest"] not in before]
