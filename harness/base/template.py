"""Templates of prompts: text in which a few named fields in braces stand for something; other braces stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.base.errors import UsageError

#: fields that stand for what is asked: the item's own text, by two names, and the task's whole prompt
ASKED = ("input", "question", "prompt")
#: all fields, with that of the closed set of answers
FIELDS = (*ASKED, "labels")
_FIELD = re.compile(r"\{(" + "|".join(FIELDS) + r")\}")


def fields(template: str) -> set[str]:
    """The fields of `FIELDS` that stand in a template."""
    return set(_FIELD.findall(template))


def given_in_python(at_file: str) -> str:
    """What a message says where `@FILE` was given in Python, which only a command line takes."""
    return f"in Python a file's text is given as Path({at_file[1:]!r}).read_text()"


def check_template(name: str, template: str) -> None:
    """Whether a template says where the item stands.

    Raises:
        UsageError: none of the fields of `ASKED` stands in it.
    """
    if not fields(template) & {*ASKED}:
        if template.startswith("@"):
            raise UsageError(
                f"{name}: {template!r} is taken as the text itself here; {given_in_python(template)}"
            )
        raise UsageError(
            f"{name}: the template has no {{input}}, which is where the item's text stands "
            "(other fields: {labels}, and {prompt} for the task's own prompt; other braces stay as they are)"
        )


_NEARLY = re.compile(r"\{\s*(\w+)\s*\}")
_TWICE = re.compile(r"\{\{\s*(?:" + "|".join(FIELDS) + r")\s*\}\}")


def doubts(template: str) -> Iterator[str]:
    """What looks like a field and isn't one, or is one in the braces of another syntax: a sentence each."""
    twice = sorted({found[0] for found in _TWICE.finditer(template)})
    for text in twice:
        field = "{" + text.strip("{} ") + "}"
        yield f"fields stand in single braces, {field}; in {text} the others are sent as they stand"
    nearly = {found[0]: found[1].lower().rstrip("s") for found in _NEARLY.finditer(template)}
    for text, name in sorted(nearly.items()):
        meant = next((field for field in FIELDS if field.rstrip("s") == name), None)
        if meant and text != f"{{{meant}}}" and not any(text in each for each in twice):
            yield f"{text} is no field and is sent as it stands; did you mean {{{meant}}}?"


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields replaced, all in one pass: braces within a value mean nothing. A field
    without a value stays as it stands."""
    return _FIELD.sub(lambda found: values.get(found[1], found[0]), template)
