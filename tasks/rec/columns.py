"""Which columns of a table hold users, items, ratings and times: those named, else those of usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.base.errors import DataError
from harness.data.cells import check_columns, find_columns
from harness.tasks.rec.log import LOG

#: the defaults of the arguments; where a file hasn't these, the usual names are tried
DEFAULTS = {"user": "user_id", "item": "item_id", "rating": "rating", "time": "timestamp"}
_THINGS = (
    "movie product artist book track song business place venue location poi game app news article video "
    "film recipe anime show course listing restaurant hotel document content gmap job"
).split()
#: usual names, the likeliest first; case and space don't count
USUAL: dict[str, tuple[str, ...]] = {
    "user": (
        *("user_id", "userid", "user", "uid", "users", "u", "reviewerid", "reviewer_id", "customer_id"),
        *("customerid", "customer", "member_id", "memberid", "visitorid", "visitor_id", "account_id"),
    ),
    "item": (
        *(
            "item_id",
            "itemid",
            "item",
            "iid",
            "items",
            "item_ids",
            "item_id_list",
            "i",
            "parent_asin",
            "asin",
        ),
        *(f"{thing}{ending}" for ending in ("_id", "id") for thing in _THINGS),
        *("sku", "isbn", *_THINGS),
    ),
    "rating": ("rating", "ratings", "score", "stars", "overall"),
    "time": (
        *("timestamp", "time", "ts", "unixtime", "unix_time", "unixreviewtime", "datetime", "date"),
        *("event_time", "eventtime", "created_at", "rating_timestamp", "timestamps"),
    ),
}


def find_roles(names: Sequence[str], asked: Mapping[str, str], where: str) -> dict[str, str]:
    """The column of `user`, `item` and, where there are such, `rating` and `time`, as the file spells it.

    Args:
        names: the columns of the file.
        asked: the name asked for, by role; "" for a role that is not to be read.

    Raises:
        DataError: a column that was asked for isn't there, or none has a usual name of users or items.
    """
    found = {}
    for role, name in asked.items():
        if not name:
            continue
        place = find_columns(names, [name])
        if place is None and name == DEFAULTS[role]:
            place = next((p for usual in USUAL[role] if (p := find_columns(names, [usual]))), None)
            if place is not None:
                LOG.warning(
                    "%s: the column of the %s is %r; -T %s= names another", where, role, names[place[0]], role
                )
            elif role in ("user", "item"):
                raise DataError(
                    f"{where} has no column {name!r}; it has: {', '.join(names[:40])}; "
                    f"-T {role}=COLUMN names that of the {role}s; where the first line holds data, "
                    "-T header=false numbers the columns"
                )
        elif place is None or sum(each == names[place[0]] for each in names) > 1:
            check_columns(names, [name], where)
        if place is not None:
            found[role] = names[place[0]]
    if found["user"] == found["item"]:
        raise DataError(
            f"{where}: the column {found['user']!r} can't hold both users and items; -T item= names it"
        )
    return found


def named(cells: Sequence[str], asked: Mapping[str, str]) -> bool:
    """Whether cells name a column of users and one of items, so that they are a header."""
    return all(
        any(find_columns(cells, [name]) is not None for name in (asked[role], *USUAL[role]) if name)
        for role in ("user", "item")
    )
