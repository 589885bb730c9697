"""Recommendation with full ranking: a sample is a user, the answer a ranking of all items.

Declared protocol (`protocol=masked`): every item of the catalogue is ranked but those that the user
took before the test, the validation part among them; ties by the smaller item id; means over users
with a test item. `protocol=released` is the one of the code that LLMInit released (arXiv:2503.01814):
ratings of at least 4, 5-core, items in random order, one held out, training items *not* masked. It is
there to be named, and its rows are never compared with others.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.base.errors import DataError, UsageError
from harness.data.interactions import LONGEST, Interactions, decode, encode_lists
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import DataPin, TaskSpec
from harness.task import Task
from harness.tasks.rec import hub, metrics
from harness.tasks.rec.lines import from_lines
from harness.tasks.rec.log import LOG, Events, Log, joined, make_log
from harness.tasks.rec.split import DROPPED, TEST, VALIDATION, roles

if TYPE_CHECKING:
    from harness.data.hub import Data

Array = NDArray[Any]
_RELEASED = {"split": "random", "min_rating": 4.0, "core": 5}


class Recommendation(Task):
    """A data set of `task.toml`. Its keys under `settings`:

    `form`: "pairs" (a row an interaction; lines with a user's list of items are read as well) or
    "lists" (a row a user); `user`, `item`, `rating`, `time`, `list`, `last`: names of columns, of which
    `last` holds an item that follows the list; `item_id` and `text`: the column of ids and the
    template of the text in the rows of the pin `items`.
    """

    instruction = "Name the items that the user will take next, one id a line, the likeliest first."

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.released = args["protocol"] == "released"
        if self.released:
            self.args |= _RELEASED

    # -- data -------------------------------------------------------------------------------------

    def load(self, data: Data) -> Splits:
        args = self.args
        events = self.events(data)
        # ratings are filtered where there are any; the released protocol is also run on logs without
        rated = args["min_rating"] if events.rating is not None or not self.released else 0.0
        log = make_log(events, self.spec.name, rated, args["core"])
        role = roles(
            log,
            args["split"],
            share=args["test_share"],
            validation=args["validation_share"],
            keep=args["keep"],
            cold_keep=args["cold_keep"],
            seed=args["split_seed"],
        )
        return self.splits(log, role, self.texts(data, log.items))

    def splits(self, log: Log, role: Array, texts: Sequence[str]) -> Splits:
        """The samples, one a user with a test item, and what is known before the test."""
        test = role == TEST
        known = (role != TEST) & (role != DROPPED)
        if not known.any():
            raise UsageError(f"{self.spec.name}: no interaction is left to train on with these arguments")
        histories, wanted = _by_user(log, known), _by_user(log, test)
        users = np.flatnonzero(np.bincount(log.user[test], minlength=len(log.users)))
        if not len(users):
            raise UsageError(
                f"{self.spec.name}: no user has a test item with these arguments; leave-one-out needs "
                "users of two interactions, a test file ones that don't stand in train"
            )
        taken = np.bincount(log.item[known], minlength=len(log.items))
        if self.args["split"] == "official" and (new := int((taken[np.unique(log.item[test])] == 0).sum())):
            LOG.warning(
                "%s: items that stand in the test alone: %d; they are ranked too", self.spec.name, new
            )
        unknown = sum(not histories[user] for user in users)
        if unknown:
            LOG.warning(
                "%s: %d of %d test users have no training item; they are ranked for and counted",
                self.spec.name,
                unknown,
                len(users),
            )
        return Splits(
            test=[Sample(Question(log.users[user], histories[user]), wanted[user]) for user in users],
            interactions=Interactions(
                log.users,
                log.items,
                _matrix(log, known),
                _matrix(log, role == VALIDATION),
                tuple(texts),
                masked=not self.released,
            ),
        )

    def events(self, data: Data) -> Events:
        """The raw interactions, those of an official split marked."""
        pins = self.spec.data
        if "events" in pins:
            return self._read(data, pins["events"])
        return joined(self._read(data, pins["train"]), self._read(data, pins["test"]))

    def _read(self, data: Data, pin: DataPin) -> Events:
        settings = self.spec.settings
        rows = data.rows(pin, [])
        if rows.columns == ["text"]:  # the Hub repository has lines of ids
            return from_lines(rows.arrow(["text"])["text"].to_pylist(), pin.id, "lists")[0]
        where = f"{pin.id} ({pin.split})"
        if settings["form"] == "pairs":
            return hub.from_table(rows.arrow(rows.columns), settings, where)
        wanted = [settings[name] for name in ("user", "list", "last") if name in settings]
        for name in wanted:
            if name not in rows.columns:
                raise DataError(f"{where} has no column {name!r}; it has: {', '.join(rows.columns)}")
        columns = {
            name: table.combine_chunks()
            for name, table in zip(wanted, rows.arrow(wanted).columns, strict=True)
        }
        events = hub.from_lists(columns[settings["user"]], columns[settings["list"]])
        if "last" not in settings:
            return events
        return Events(
            np.concatenate([events.user, columns[settings["user"]].to_numpy(zero_copy_only=False)]),
            np.concatenate([events.item, columns[settings["last"]].to_numpy(zero_copy_only=False)]),
        )

    def texts(self, data: Data, items: Sequence[str]) -> Sequence[str]:
        """The text of every item, "" where it has none; empty where the data set has no texts."""
        pin, settings = self.spec.data.get("items"), self.spec.settings
        if pin is None or not settings.get("text"):
            return ()
        import pyarrow as pa
        from pyarrow import compute

        rows = data.rows(pin, [settings["item_id"]])
        table = rows.arrow(rows.columns)
        ids = compute.cast(table[settings["item_id"]], pa.string())
        found = table.filter(compute.is_in(ids, value_set=pa.array(items, pa.string()))).to_pylist()
        text = {str(row[settings["item_id"]]): _filled(settings["text"], row) for row in found}
        return [text.get(item, "") for item in items]

    # -- answers ----------------------------------------------------------------------------------

    def render(self, question: Question) -> str:
        known = question.input.replace("\t", "\n") or "none"
        return f"{self.instruction}\n\nItems that the user took so far:\n{known}"

    def parse(self, text: str, question: Question) -> str | None:
        """The ids in a completion, one a line, repeated ones once."""
        lines = dict.fromkeys(line.strip().replace("\t", " ") for line in text.splitlines())
        lines.pop("", None)
        return "\t".join(list(lines)[:LONGEST]) or None

    def gold(self, sample: Sample) -> str | None:
        """The items themselves, where they are few enough for a full recall at the primary metric."""
        items = str(sample.target).split("\t")
        return "\n".join(items) if len(items) <= int(self.spec.primary.rpartition("@")[2]) else None

    # -- scores -----------------------------------------------------------------------------------

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        return next(iter(self.score_all([sample], [outcome])))

    def score_all(self, samples: Sequence[Sample], outcomes: Iterable[Outcome]) -> Iterable[Score]:
        wanted = [str(sample.target) for sample in samples]
        answers = [outcome.answer for outcome in outcomes]
        items = sorted({item for text in wanted for item in text.split("\t")})
        hits, relevant, _ = _matched(wanted, answers, items)
        table = metrics.per_user(hits, relevant)
        rows = np.stack(list(table.values()), axis=1).tolist()
        return [Score(dict(zip(table, row, strict=True))) for row in rows]

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float]:
        known = splits.interactions
        assert known is not None
        wanted = [str(sample.target) for sample in samples]
        answers = [outcome.answer for outcome in outcomes]
        popularity = known.popularity
        hits, relevant, rank = _matched(wanted, answers, known.items)
        test_items, _ = decode(wanted, known.items)
        values = metrics.of_the_set(_padded(*decode(answers, known.items)), popularity, len(known.users))
        owner = np.repeat(np.arange(len(relevant)), relevant)
        activity = metrics.strata(np.diff(known.known.indptr))[known.rows([sample.id for sample in samples])]
        return {
            **values,
            **metrics.by_item_stratum(owner, metrics.strata(popularity)[test_items], rank),
            **metrics.by_user_stratum(metrics.per_user(hits, relevant), activity),
        }


def _filled(template: str, row: Mapping[str, Any]) -> str:
    """The template with a row's values, HTML entities resolved, white space made single."""
    values = {name: "" if value is None else value for name, value in row.items()}
    return " ".join(html.unescape(template.format_map(values)).split())


def _by_user(log: Log, chosen: Array) -> list[str]:
    """The chosen items of every user, in the order of the log, as the texts that travel."""
    user, item = log.user[chosen], log.item[chosen]
    return encode_lists(item, np.bincount(user, minlength=len(log.users)), log.items)


def _matrix(log: Log, chosen: Array) -> Any:
    from scipy.sparse import csr_array

    user, item = log.user[chosen], log.item[chosen]
    ones = np.ones(len(user), np.float32)
    matrix = csr_array((ones, (user, item)), shape=(len(log.users), len(log.items)))
    matrix.sort_indices()
    return matrix


def _padded(flat: Array, lengths: Array) -> Array:
    """Lists that follow each other in `flat` as rows, cut to LONGEST, padded with -1."""
    rows = np.full((len(lengths), LONGEST), -1, np.int64)
    place = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    kept = place < LONGEST
    rows[np.repeat(np.arange(len(lengths)), lengths)[kept], place[kept]] = flat[kept]
    return rows


def _matched(
    wanted: Sequence[str], answers: Sequence[str | None], items: Sequence[str]
) -> tuple[Array, Array, Array]:
    """Rankings against test items: hits (users, LONGEST), test items a user, rank of each test item.

    A repeated item counts where it stands first. The rank of an item that isn't in the ranking is
    LONGEST.
    """
    test, relevant = decode(wanted, items)
    ranked = _padded(*decode(answers, items))
    n_items = max(len(items), 1)
    keys = (np.arange(len(ranked))[:, None] * n_items + ranked).ravel()
    keys[ranked.ravel() < 0] = -1
    test_keys = np.repeat(np.arange(len(relevant)), relevant) * n_items + test
    distinct, first = np.unique(keys, return_index=True)
    place = np.minimum(np.searchsorted(distinct, test_keys), max(len(distinct) - 1, 0))
    found = distinct[place] == test_keys
    hits = np.zeros(ranked.size, bool)
    hits[first[place[found]]] = True
    rank = np.full(len(test_keys), LONGEST)
    rank[found] = first[place[found]] % LONGEST
    return hits.reshape(ranked.shape), relevant, rank
