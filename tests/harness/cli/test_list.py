"""`harness list`: groups, folded families and variants, filters."""

import json

from harness.cli.list import EMBEDDERS, FAMILY
from harness.registry import registry


def test_alone_it_says_what_there_is(command):
    groups = json.loads(command("list", "--json").out)["groups"]
    counts = {group["name"]: group["count"] for group in groups}
    assert counts["tasks"] == len(registry().tasks) and counts["methods"] == len(registry().methods)
    shown = command("list").out
    for group in groups:
        assert group["command"] in shown and str(group["count"]) in shown
        assert (
            len(json.loads(command(*group["command"].split()[1:], "--json").out)[group["name"]])
            == group["count"]
        )


def test_embedders_are_those_that_can_be_opened():
    from harness.model.embed import NAMES

    assert tuple(EMBEDDERS) == NAMES


def test_variants_stand_in_the_line_of_their_method(command):
    lines = command("list", "methods").out.splitlines()
    names = [line.split()[0] for line in lines]
    plugged = [name for name in registry().methods if "+" in name]
    assert len(plugged) > 40 and not any("+" in name for name in names)
    assert sorted(names) == sorted(name for name in registry().methods if "+" not in name)
    (line,) = [line for line in lines if line.startswith("lightgcn ")]
    assert all(f" {name[len('lightgcn') :]}" in line for name in plugged if name.startswith("lightgcn+"))
    whole = command("list", "methods", "--all").out.splitlines()
    assert sorted(line.split()[0] for line in whole) == sorted(registry().methods)


def test_big_families_are_one_line_and_a_pattern_shows_them(command):
    names = [line.split()[0] for line in command("list", "tasks").out.splitlines()]
    bfcl = registry().family("bfcl")
    assert len(bfcl) >= FAMILY and names.count("bfcl/") == 1 and not set(names) & set(bfcl)
    assert "tau-bench/airline" in names, "a small family stays"
    for pattern in ("bfcl", "bfcl/", "bfcl/*"):
        shown = command("list", "tasks", pattern).out.splitlines()
        assert [line.split()[0] for line in shown] == bfcl
    assert len(json.loads(command("list", "tasks", "--json").out)["tasks"]) == len(registry().tasks)


def test_a_task_that_is_called_like_its_family_has_a_line_of_its_own(command):
    lines = {line.split()[0]: line for line in command("list", "tasks").out.splitlines()}
    mmlu = registry().family("mmlu")
    assert "mmlu" in lines and f"{len(mmlu)} tasks: abstract_algebra," in lines["mmlu/"]
    assert "harness list tasks mmlu/*" in lines["mmlu/"]
    shown = command("list", "tasks", "mmlu/*").out.splitlines()
    assert [line.split()[0] for line in shown] == mmlu


def test_a_pattern_filters_json_too_and_must_fit_something(command):
    rows = json.loads(command("list", "methods", "sgl+*", "--json").out)["methods"]
    assert rows and all(row["name"].startswith("sgl+") for row in rows)
    done = command("list", "tasks", "arc1f")
    assert done.code == 2 and "no task matches 'arc1f'; did you mean 'arc1d'" in done.errors[0]
    assert command("list", "nothing").code == 2
