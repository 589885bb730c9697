"""`harness show`: one run, task or method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import RecordError, UsageError, nearest
from harness.base.terminal import printable, say, say_json, tell
from harness.cli.options import Command, json_option, plot_option, store_option

if TYPE_CHECKING:
    from harness.registry import Registry

EXAMPLE = """
\b
Examples:
  harness show arc1d
  harness show testnuc
  harness show bfcl                         (a family of tasks)
  harness show 3f9a12                       (the beginning of a run id)
  harness show 3f9a12 --sample 7 --epoch 2  (one attempt: its dialogue and score)
  harness show 3f9a12 --sample 7 --request  (the body of its first request, as it was sent)
  harness show 3f9a12 --tools               (the tools that were offered, with their schemas)
  harness show 3f9a12 --plot confusion.svg  (the confusion matrix of a classification)
  harness show 3f9a12 --human labels.csv    (do people agree with its verdicts?)
"""


@click.command("show", cls=Command, epilog=EXAMPLE)
@click.argument("name")
@click.option("--sample", metavar="ID", help="One attempt of the run, on this sample.")
@click.option("--epoch", type=int, metavar="N", help="Which attempt on the sample. [default: the first]")
@click.option(
    "--request",
    is_flag=True,
    help="The body of the first request of an attempt, as it was sent; of the first sample without --sample.",
)
@click.option("--tools", "schemas", is_flag=True, help="The tools that were offered, with their schemas.")
@plot_option
@click.option(
    "--human",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Agreement of the run's verdicts with labels of people: sample_id and label (correct, incorrect).",
)
@store_option
@json_option
def command(
    name: str,
    sample: str | None,
    epoch: int | None,
    request: bool,
    schemas: bool,
    plot: str | None,
    human: Path | None,
    store: str,
    as_json: bool,
) -> None:
    """Show one run, by the beginning of its id, or one task, family of tasks or method, by its name.

    The tools that a run offered its model are listed, by name or, with --tools, with their schemas. --request
    prints what an attempt sent first, where an OpenAI-compatible server was asked: the body alone, no key and
    no header.

    A run whose answers are classes is shown with precision, recall and F1 by class, and what was confused;
    --plot draws its confusion matrix.
    """
    from harness.registry import registry
    from harness.results.store import Store

    known = registry()
    spec = _spec(known, name, as_json)
    if sample is None and epoch is not None and not request:
        raise UsageError("--epoch is an attempt on a sample: which one? --sample ID")
    if plot is not None:
        from harness.plots import check_plot

        check_plot(plot)
    if spec is not None:
        of_a_run = {
            "--sample": sample is not None,
            "--request": request,
            "--tools": schemas,
            "--plot": plot is not None,
            "--human": human is not None,
        }
        option = next((option for option, given in of_a_run.items() if given), None)
        if option is not None:
            raise UsageError(
                f"{option} is of a run, and {name!r} is a task or a method; 'harness results "
                "list' shows every run"
            )
        _print(spec, as_json)
        return
    try:
        record = Store(Path(store)).find(name)
    except UsageError as error:
        if all(c in "0123456789abcdef-" for c in name):
            raise
        names = {*known.tasks, *(task.partition("/")[0] for task in known.tasks), *known.methods}
        raise UsageError(f"no task, method or run {name!r}; {nearest(name, names)}") from error
    if sample is not None or request:
        from harness.cli.attempt import show_attempt

        show_attempt(record, sample, epoch, as_json, request, schemas)
        return
    if human is not None:
        from harness.comparison.human import agreement_with

        agreed = agreement_with(record, human)
        say_json(agreed.as_dict()) if as_json else say("\n".join(agreed.lines()))
        return
    from harness.results.classes import class_report, read_classes
    from harness.results.requests import tools_offered

    table = read_classes(record)
    report = class_report(table) if table else None
    if plot is not None:
        from harness.plots import plot_confusion

        if report is None or not report.matrix:
            raise UsageError(f"--plot draws a confusion matrix; run {name} has none: {_no_matrix(record)}")
        plot_confusion(report, Path(plot), task=record["task"]["name"], method=record["method"]["name"])
    try:
        tools = tools_offered(record)
    except RecordError as error:  # the record is sound
        if schemas:
            raise
        tell(f"without its attempts: {error}")
        tools = []
    if as_json:
        more: dict[str, Any] = {"class_report": report.to_json()} if report else {}
        more |= {"tools": [{**tool, "attempts": n} for tool, n in tools]} if tools else {}
        say_json({**record, **more})
        return
    from harness.cli.attempt import tool_lines
    from harness.cli.prompts import prompt_lines
    from harness.display.classes import class_blocks
    from harness.display.layout import print_blocks
    from harness.display.records import print_records
    from harness.results.packages import package_lines
    from harness.results.served import served_lines

    print_records([record])
    if report:
        print_blocks(class_blocks(report))
    if record["supersedes"]:
        say(f"supersedes {record['supersedes'][:12]}")
    if record["reason"]:
        say(f"reason: {record['reason']}")
    for line in prompt_lines(record, store):
        say(line)
    if record["task"].get("settled"):
        say(printable(f"task: {record['task']['settled']}"))
    for line in tool_lines(tools, record["counts"]["attempts"], schemas):
        say(line)
    for line in package_lines(record):
        say(f"installed: {line}")
    for line in served_lines(record):
        say(f"served: {line}")
    say(f"draws for all items of the run: {record['draws'] or 'unknown'}")
    if record.get("isolated"):
        say("isolated: the method's code ran in a process without a way to data, store and targets")
    parts = (
        "comparability",
        "subject",
        "served",
        "data_access",
        "usage",
        "volatile",
        "environment",
        "command",
    )
    _print({key: record.get(key) for key in ("draw_digest", *parts)}, False)


def _no_matrix(record: dict[str, Any]) -> str:
    """Why a run has no confusion matrix."""
    if not record.get("classes"):
        return "its answers are no classes"
    return "its items have several classes each" if record["classes"]["several"] else "targets are private"


def _spec(known: Registry, name: str, as_json: bool) -> dict[str, Any] | None:
    """What there is to say of a task, a method or a family of tasks; None if nothing has this name."""
    from harness.cli.list import shown

    found = known.tasks.plain.get(name) or known.methods.plain.get(name) or known.tasks.plain.get(f"{name}/*")
    members = [shown(known.tasks.plain[task]) for task in ([] if found else known.family(name))]
    if found is None and not members:
        return None
    spec = shown(found) if found else _family(name, members, as_json)
    if not as_json and "data" in spec:
        spec["data"] = {name: _source(pin) for name, pin in spec["data"].items()}
    return spec


#: fields in which the tasks of a family may differ and which the list of them shows
SHOWN_OF_EACH = ("name", "summary", "n_items")


def _family(name: str, members: list[dict[str, Any]], as_json: bool) -> dict[str, Any]:
    """What all members say alike, said once, and what each says of itself."""
    shared = {
        key: value
        for key, value in members[0].items()
        if key not in SHOWN_OF_EACH and all(each[key] == value for each in members)
    }
    if as_json:
        own = [{key: value for key, value in each.items() if key not in shared} for each in members]
        return {"name": name, **shared, "tasks": own}
    width = max(len(each["name"]) for each in members)
    lines = {}
    for each in members:
        size = f"{each['n_items'] or '?':>{width - len(each['name']) + 6}} items"
        lines[each["name"]] = f"{size}  {each['summary']}"
    differ = [key for key in members[0] if key not in (*shared, *SHOWN_OF_EACH)]
    more = {"each its own": f"{', '.join(differ)} ('harness show {members[0]['name']}')"} if differ else {}
    return {"name": name, **shared, "tasks": lines, **more}


def _source(pin: dict[str, Any]) -> str:
    where = " ".join(filter(None, (pin["id"], pin["config"], pin["split"])))
    if pin["pinned"]:
        return f"{where} at {pin['revision']}"
    return f"{where}, not pinned: the newest revision is read, and its rows may change"


def _print(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(values)
        return
    for key, value in values.items():
        if value in ("", None, [], {}):
            continue
        if isinstance(value, dict):
            say(f"{key}:")
            for inner, detail in value.items():
                text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
                say(printable(f"  {inner}: {text}"))
        else:
            say(printable(f"{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}"))
