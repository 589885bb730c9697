"""Recorded trajectories judged by a model against checklists: verdicts, rewards, and what they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Unpack

from harness.api.checklist_rows import failures, spending
from harness.api.one_model import Limits
from harness.base.errors import DataError, UsageError
from harness.display.layout import Block, Line, Shown, Table

if TYPE_CHECKING:
    from harness.api.checklist_files import Dialogue
    from harness.checklist import Checklist
    from harness.checklist.judging import Judged


@dataclass(frozen=True, repr=False)
class Judgements(Shown):
    """What `judge_trajectories` found.

    Attributes:
        path: the file of verdicts, one trajectory and variant of its checklist a line.
        rows: its rows that belong to the trajectories, as they stand there.
        written: trajectories that were judged now; `kept`: those that were there.
        failed: of those without verdicts, uuid, line and reason.
        usage: what the judge took: calls, tokens, USD.
        gate: the rule of the reward.
        interrupted: why it ended early; empty if it didn't.
    """

    path: Path
    rows: Sequence[Mapping[str, Any]]
    written: int
    kept: int
    failed: Sequence[Mapping[str, Any]]
    usage: Mapping[str, Any]
    gate: str
    interrupted: str = ""

    @property
    def exit_code(self) -> int:
        return 3 if self.interrupted else 1 if self.failed else 0

    def summary(self) -> dict[str, Any]:
        """Mean reward over the trajectories that have one, counts, and agreement of the judge's votes."""
        from harness.checklist.agreement import self_agreement
        from harness.checklist.reward import mean_of_variants

        rewards: dict[tuple[str, int], list[float | None]] = {}
        for row in self.rows:
            rewards.setdefault((row["uuid"], row["rollout"]), []).append(row["reward"]["R"])
        means = [mean_of_variants(each) for each in rewards.values()]
        known = [mean for mean in means if mean is not None]
        totals = Counter[str]()
        for row in self.rows:
            totals.update({key: row[key] for key in COUNTS})
        votes = [vote for row in self.rows for *_, vote in row["votes"]]
        return {
            "judged": len(rewards),
            "with_reward": len(known),
            "mean_reward": fmean(known) if known else None,
            "decisions": len(votes),
            # in the rows `failed` are decisions, in the summary trajectories
            **{"undecided" if key == "failed" else key: totals[key] for key in COUNTS},
            "self_agreement": asdict(self_agreement(votes)) if any(len(v) > 1 for v in votes) else None,
        }

    def to_json(self) -> dict[str, Any]:
        """The object that `harness checklist judge --json` prints."""
        return {
            "schema": 1,
            "out": str(self.path),
            "written": self.written,
            "kept": self.kept,
            "failed": list(self.failed),
            "gate": self.gate,
            "usage": dict(self.usage),
            **self.summary(),
            "interrupted": self.interrupted,
        }

    def blocks(self) -> list[Block]:
        found = self.summary()
        rows = [
            [
                str(row["uuid"]),
                str(row["rollout"]),
                str(row["variant"]),
                "?" if row["reward"]["R"] is None else f"{row['reward']['R']:.3f}",
                " ".join("?" if each is None else f"{each:.2f}" for each in row["reward"]["turns"]),
                str(row["failed"]),
            ]
            for row in self.rows[:40]
        ]
        names = ("uuid", "rollout", "variant", "reward", "turns", "undecided")
        made: list[Block] = []
        if rows:
            made.append(Table(names, rows, right=("rollout", "variant", "reward", "undecided"), titles=2))
        if len(self.rows) > 40:
            made.append(Line(f"... and {len(self.rows) - 40} more rows in {self.path}"))
        mean = "unknown" if found["mean_reward"] is None else f"{found['mean_reward']:.3f}"
        made.append(
            Line(
                f"mean reward {mean} over {found['with_reward']} of {found['judged']} (gate {self.gate}); "
                f"{found['decisions']} decisions, {found['undecided']} undecided (ties {found['ties']}), "
                f"{found['malformed']} malformed replies"
            )
        )
        if agreed := found["self_agreement"]:
            kappa = "unknown" if agreed["kappa"] is None else f"{agreed['kappa']:.3f}"
            pairs = "unknown" if agreed["pairwise"] is None else f"{agreed['pairwise']:.3f}"
            made.append(Line(f"the judge's votes: {pairs} of pairs agree, Fleiss' kappa {kappa}"))
        kept = f", {self.kept} were there already" if self.kept else ""
        made.append(Line(f"{self.path}: {self.written} judged now{kept}; {spending(self.usage)}"))
        return [*made, *failures(self.failed, "are not judged; the same command tries them again")]


COUNTS = ("calls", "failed", "malformed", "ties", "shortcuts")


def judge_trajectories(
    file: str | Path,
    model: str,
    out: str | Path,
    *,
    checklists: str | Path | None = None,
    mode: str = "step",
    votes: int = 1,
    gate: str = "none",
    schema: bool = True,
    limit: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **limits: Unpack[Limits],
) -> Judgements:
    """Has a model judge recorded trajectories, {uuid, messages} a line, against checklists of the same uuids.

    A decision that the model doesn't make is undecided, never a no, and its trajectory has no reward. What is
    written stays: the same call goes on where it was interrupted, and asks nothing twice.

    Args:
        file: the trajectories, JSONL, packed or not; several of one uuid are its rollouts.
        model: the judge.
        out: the file of verdicts that is written.
        checklists: the file of checklists; None: they stand with the trajectories.
        mode: `step`, `turn` or `episode`; see `harness.checklist.model_judge.ModelJudge`.
        votes: of each decision.
        gate: none, sticky, sticky_same or strict; see `harness.checklist.rule.RewardRule`. It changes no
            verdict, so another one asks the judge nothing.
        schema: hold replies to a JSON schema, where the provider can.
        limit: only the first so many trajectories.
        overwrite: begin the file anew.
        progress: show progress.
        limits: how the judge is asked; the keywords of `harness.api.one_model.Limits`.

    Raises:
        DataError: a trajectory or a checklist is faulty, or has no counterpart; names the line.
        UsageError: an option, or the file that is there was written with other settings.

    Example:
        >>> found = harness.judge_trajectories("runs.jsonl", "openai/gpt-4.1", "verdicts.jsonl",
        ...                                    checklists="checklists.jsonl", votes=3)
        >>> found.summary()["mean_reward"]
    """
    from harness.api.checklist_files import read_checklists, read_trajectories
    from harness.api.checklist_rows import Unusable, first, not_over, over_rows, same_settings
    from harness.api.one_model import opened, spent
    from harness.api.row_files import RowFile
    from harness.base.concurrent import run_sync
    from harness.checklist.model_judge import ModelJudge
    from harness.checklist.rule import RewardRule
    from harness.sample import Question

    rule = RewardRule(gate=gate)  # type: ignore[arg-type]
    rule.check_mode(mode, "mode")
    dialogues = first(read_trajectories(file), limit)
    lists = read_checklists(checklists or file)
    not_over(out, file, checklists)
    of = {_key(each): [each.of, _digests(each, lists, mode, checklists or file)] for each in dialogues}
    with opened(model, limits) as (handle, ledger), RowFile(out, overwrite) as written:

        def judge_for(uuid: str) -> ModelJudge:
            return ModelJudge(
                handle,
                Question(uuid, ""),
                mode=mode,
                votes=votes,
                schema=schema,
                decoding=limits.get("generation"),
            )

        settings = {**judge_for("").identity, "gate": gate}
        same_settings(
            [((row.get("uuid"), row.get("rollout")), row) for row in written.rows], settings, of, out
        )
        # a kill may have come between the variants of a trajectory
        there = {(row["uuid"], row["rollout"], row["variant"]) for row in written.rows}
        kept = {
            _key(each)
            for each in dialogues
            if all((*_key(each), v) in there for v in range(len(lists[each.uuid])))
        }
        left = [each for each in dialogues if _key(each) not in kept]

        async def one(dialogue: Dialogue) -> list[dict[str, Any]]:
            rows = []
            for variant, checklist in enumerate(lists[dialogue.uuid]):
                if (*_key(dialogue), variant) in there:
                    continue
                judged = await judge_for(dialogue.uuid).verdicts(checklist, dialogue.trajectory)
                if judged.errors:
                    raise Unusable(judged.reason)
                rows.append(_row(dialogue, variant, checklist, judged, rule))
            note = {"of": of[_key(dialogue)], "settings": settings}
            return [{**row, **note} for row in rows]

        failed, end = run_sync(over_rows(one, left, written, 4, "judged", progress))
        rows = [row for row in written.rows if (row["uuid"], row["rollout"]) in of]
        done = {(row["uuid"], row["rollout"]) for row in rows}
        return Judgements(
            Path(out), rows, len(done - kept), len(done & kept), failed, spent(ledger), gate, end
        )


def _key(dialogue: Dialogue) -> tuple[str, int]:
    return dialogue.uuid, dialogue.rollout


def _digests(
    dialogue: Dialogue, lists: Mapping[str, Sequence[Checklist]], mode: str, path: str | Path
) -> list[str]:
    """What identifies the checklists of a trajectory.

    Raises:
        DataError: there are none, or they have fewer turns than it.
        UsageError: a checklist of one block for a whole dialogue is not judged as one, or the reverse.
    """
    from harness.base.digest import digest
    from harness.checklist.files import turns_as_json

    where = f"line {dialogue.line}, {dialogue.uuid!r}"
    if dialogue.uuid not in lists:
        raise DataError(f"{where}: {path} has no checklist of this uuid")
    turns = len(dialogue.trajectory.turns)
    for checklist in lists[dialogue.uuid]:
        blocks = len(checklist.turns)
        if mode == "episode":
            if blocks != 1:
                raise UsageError(f"{where}: --mode episode takes one block, its checklist has {blocks}")
        elif turns > blocks:
            cure = "; --mode episode judges one block on all of a dialogue" if blocks == 1 else ""
            raise DataError(f"{where}: {turns} turns, and its checklist has {blocks}{cure}")
    return [digest(turns_as_json(checklist)) for checklist in lists[dialogue.uuid]]


def _row(dialogue: Dialogue, variant: int, checklist: Checklist, judged: Judged, rule: Any) -> dict[str, Any]:
    """A line of the file of verdicts."""
    from harness.checklist.reward import is_broken, reward

    found = reward(checklist, judged.verdicts, rule, broken=is_broken(dialogue.trajectory))
    items = [
        [{"id": item.id, "focus_on": item.focus_on, "question": item.question} for item in turn]
        for turn in checklist.turns
    ]
    return {
        "uuid": dialogue.uuid,
        "rollout": dialogue.rollout,
        "variant": variant,
        "reward": {"R": found.R, "turns": list(found.turns), "broken": found.broken},
        "verdicts": judged.verdicts,
        "items": items,
        "votes": [[*place, list(votes)] for place, votes in sorted(judged.votes.items())],
        **{name: getattr(judged, name) for name in COUNTS},
    }
