"""Which stored runs an argument chooses: by a file's content, a prompt's text, or that nothing was given."""

import json
import shlex
from pathlib import Path

import pytest

ROWS = "text,label\nplay the song,music\nset an alarm,alarm\n"


@pytest.fixture
def runs(command):
    """Four runs of classify/custom: two files, and of the first two prompts beside the task's own."""
    Path("a.csv").write_text(ROWS)
    Path("b.csv").write_text(ROWS + "stop,alarm\n")
    Path("p.txt").write_text("Pick one.\n{labels}\n{input}")
    for more in (
        ("-T", "data=a.csv"),
        ("-T", "data=b.csv"),
        ("-T", "data=a.csv", "-T", "prompt=@p.txt"),
        ("-T", "data=a.csv", "-M", "prompt=It's {input}"),
    ):
        done = command("eval", "--task", "classify/custom", *more, "--model", "echo/alarm")
        assert done.code == 0, done.err

    def chosen(*arguments):
        done = command("results", "list", *arguments, "--json")
        return len(json.loads(done.out)["runs"]) if done.code == 0 else done.errors[0]

    return chosen


def test_a_file_is_chosen_by_what_stands_in_it(runs):
    Path("other").mkdir()
    Path("a.csv").rename("other/c.csv")
    assert runs("-T", "data=other/c.csv") == 3 and runs("-T", "data=b.csv") == 1
    Path("b.csv").write_text(ROWS + "go,alarm\n")
    said = runs("-T", "data=b.csv")
    assert "no stored run has data=b.csv; there are: a.csv " in said
    digits = said.partition("a.csv ")[2][:12]
    assert runs("-T", f"data={digits}") in (1, 3) and isinstance(runs("-T", "data=" + digits[:3]), str)


def test_no_prompt_is_a_choice_too(runs):
    assert runs("-T", "data=a.csv", "-T", "prompt=") == runs("-T", "data=a.csv", "-T", "prompt=null") == 2
    assert runs("-T", "prompt=@p.txt") == 1 and runs("-M", "prompt=It's {input}") == 1


def test_the_cure_is_one_that_a_shell_takes(runs, command):
    compared = ("compare", "--baseline", "echo/alarm")
    (line,) = command(*compared, "-T", "prompt=").errors
    assert "Choose with -T data=" in line
    (line,) = command(*compared, "-T", "data=a.csv").errors
    assert "Choose with -T prompt=null" in line
    own = (*compared, "-T", "data=a.csv", "-T", "prompt=null")
    (line,) = command(*own).errors
    assert "it names all 2 subjects on classify/custom, which differ in method_args.prompt" in line
    assert command("compare", "--baseline", line.split()[-1], *own[3:]).code == 0


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["It's {input}"], shlex.quote("prompt=It's {input}")),
        (["a\nb", "None"], "prompt=null"),
        (["a\nb", "x" * 100], "prompt=@FILE, a file with one of the texts"),
    ],
)
def test_texts_of_any_length_and_kind(values, form):
    from harness.comparison.select import Mixed

    assert f"Choose with -T {form}, or" in Mixed("t", {"task_args.prompt": values}).sentence()


def test_a_baseline_of_one_of_two_prompts(runs, command):
    (line,) = command("baseline", "set", "main", "-T", "data=a.csv", "-M", "prompt=It's {input}").errors
    assert "has 1" in line and line.count("classify/custom") == 1
