"""Items that ask the same: one group, as what is answered to one is answered to the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from harness.base.digest import digest
from harness.base.errors import DataError
from harness.sample import Sample
from harness.spec import TaskSpec


def with_repeats_grouped(task: TaskSpec, samples: Sequence[Sample]) -> list[Sample]:
    """The items, those whose text stands there more than once as a group; white space and case don't tell
    texts apart. Left as they are: what a task groups itself; what plays in a world, whose first words are not
    all of it; users, who are drawn one by one whatever their histories.

    Raises:
        DataError: two items have one id: their attempts could not be told apart.
    """
    ids = Counter(sample.id for sample in samples)
    if len(ids) < len(samples):
        twice, times = ids.most_common(1)[0]
        raise DataError(
            f"{task.name}: {times} items have the id {twice!r}; every item needs an id of its own"
        )
    if {"world", "interactions"} & set(task.offers):
        return list(samples)
    texts = [" ".join(sample.question.input.split()).casefold() for sample in samples]
    often = Counter(texts)
    return [
        sample
        if sample.group is not None or often[text] == 1 or not text
        else replace(sample, group=f"text {digest(text)[:16]}")
        for sample, text in zip(samples, texts, strict=True)
    ]
