"""`harness results correct` and `retract`: what was sealed stays; a newer record takes its place."""

from __future__ import annotations

from pathlib import Path

import click

from harness.base.surrogates import whole
from harness.base.terminal import say, say_json
from harness.cli.options import Command, json_option, mirror_option, offline_option, store_option

reason_option = click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the record.")


@click.command(
    "correct",
    cls=Command,
    epilog="\b\nExample:\n  harness results correct 3f9a12 --reason 'thousands commas'",
)
@click.argument("run")
@reason_option
@mirror_option
@offline_option()
@store_option
@json_option
def correct(run: str, reason: str, mirror: str | None, offline: bool, store: str, as_json: bool) -> None:
    """Score a run's sealed attempts again with the task as it is now; asks no model.

    The new record says which run it supersedes and why; tables show it in place of that run.
    """
    from harness.results.environment import command_line
    from harness.results.export import run_object
    from harness.results.store import Store
    from harness.run.rescore import rescore

    place = Store(Path(store))
    old = place.find(run)
    record, changed = rescore(
        place, old, whole(reason), mirror=mirror, offline=offline, command=command_line()
    )
    if as_json:
        say_json(
            {
                "schema": 1,
                "runs": [run_object(record)],
                "supersedes": record["supersedes"],
                "changed_attempts": changed,
            }
        )
        return
    from harness.display.records import print_records

    print_records([old, record])
    say(
        f"{changed} of {record['counts']['attempts']} attempts are scored differently; the second record "
        "supersedes the first"
    )


@click.command(
    "retract", cls=Command, epilog="\b\nExample:\n  harness results retract 3f9a12 --reason 'wrong server'"
)
@click.argument("run")
@reason_option
@store_option
@json_option
def retract(run: str, reason: str, store: str, as_json: bool) -> None:
    """Take a run out of every table; what was sealed stays, with a tombstone beside it."""
    from harness.results.environment import command_line
    from harness.results.record import retract as bury
    from harness.results.store import Store
    from harness.run.journal import held

    place = Store(Path(store))
    found = place.find(run)
    with held(place.running_folder(found["run_id"])):
        record = bury(place, place.find(found["run_id"]), whole(reason), command_line())
    if as_json:
        say_json({"schema": 1, "retracted": record["run_id"], "reason": reason, "record": record["record"]})
        return
    say(
        f"retracted: {record['run_id'][:12]} ({record['task']['name']} x {record['method']['name']} x "
        f"{record['model']}); its tombstone is {record['record']}"
    )
