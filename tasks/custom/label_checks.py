"""What users are told of their labels before anything is measured: a line for each kind of doubt."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

LOG = logging.getLogger("harness.tasks.custom")
#: what tools write for a missing value
MISSING = {"nan", "none", "null", "na", "n/a", "<na>", "nat", "nil"}
#: labels named in a line
NAMED = 3

#: a text and its labels, one or several
Labelled = tuple[str, tuple[str, ...]]


def warn_of_labels(task: str, test: Sequence[Labelled], train: Sequence[Labelled]) -> None:
    """Says what is doubtful about the labels of test and training rows."""
    for doubt in doubts(test, train):
        LOG.warning("%s: %s", task, doubt)


def doubts(test: Sequence[Labelled], train: Sequence[Labelled]) -> Iterator[str]:
    """Each doubt as a sentence."""
    counts = Counter(label for _, labels in (*test, *train) for label in labels)
    known = sorted(counts)
    if len(known) == 1:
        yield f"every label is {known[0]!r}; with one class whatever names it is right"
    forms: dict[str, list[str]] = {}
    for label in known:
        forms.setdefault(label.casefold(), []).append(label)
    alike = [labels for labels in forms.values() if len(labels) > 1]
    if alike:
        groups = "; ".join(", ".join(map(repr, labels)) for labels in alike[:NAMED])
        more = f" and {len(alike) - NAMED} more groups" if len(alike) > NAMED else ""
        yield f"labels differ in case only ({groups}){more} and count as classes of their own"
    absent = [label for label in known if label.casefold() in MISSING]
    if absent:
        rows = sum(counts[label] for label in absent)
        yield (
            f"{_named(absent)} may stand for a missing value, and {_some(rows, 'row has', 'rows have')} it "
            "as a label; leave such rows out if so"
        )
    listed = [label for label in known if looks_like_a_list(label)]
    if listed:
        yield (
            f"{_named(listed)} look{'s' if len(listed) == 1 else ''} like a list and count"
            f"{'s' if len(listed) == 1 else ''} as one label; labels= in place of label= reads several"
        )
    given: dict[str, set[tuple[str, ...]]] = {}
    for text, labels in (*test, *train):
        given.setdefault(text, set()).add(tuple(sorted(labels)))
    ambiguous = [text for text, found in given.items() if len(found) > 1]
    if ambiguous:
        both = " and ".join(repr(", ".join(labels)) for labels in sorted(given[ambiguous[0]])[:2])
        yield (
            f"{_some(len(ambiguous), 'text stands', 'texts stand')} with different labels, such as "
            f"{ambiguous[0][:40]!r} with {both}; no method can be right on all of them"
        )
    if train:
        learned = {label for _, labels in train for label in labels}
        new = sorted({label for _, labels in test for label in labels} - learned)
        if new:
            yield f"{_named(new)} {'is' if len(new) == 1 else 'are'} in the test rows and in no training row"


def looks_like_a_list(text: str) -> bool:
    """Whether a text is a list of quoted texts, as JSON, Python and numpy write it."""
    return text[:2] in ("['", '["') and text[-2:] in ("']", '"]')


def _some(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _named(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return f"the label{'s' if len(labels) > 1 else ''} {', '.join(map(repr, labels[:NAMED]))}{more}"
