"""A static site from a result store: tables, figures, every attempt; readable from `file://`.

=============  ================================================================================
module         what it holds
=============  ================================================================================
``records``    the records of a store that are in force, and those that can't be trusted
``attempts``   the sealed attempts of one run, verified, as the sample browser reads them
``board``      rows, sections of comparable rows, ranks, comparisons
``sweeps``     rows that differ in one number: scaling curves (``surfaces``: in two, as contours)
``figures``    plotly figures as data, each with the table that says the same
``tables``     the rows as CSV, Markdown, LaTeX, and Every Eval Ever JSON
``pages``      jinja2 templates, rendered
``site``       every file of the site; writing it, and checking it against the records
``live``       the same site over HTTP while runs go
``cli``        `harness leaderboard`
=============  ================================================================================

Data runs one way: records -> rows -> sections -> figures and tables -> pages. Nothing here is read
back: the site holds no time of its own making and can be deleted and rebuilt byte for byte.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def build_site(
    store: str | Path = "results",
    out: str | Path = "site",
    *,
    baseline: str | tuple[str, ...] = (),
    attempts: int | None = None,
    tables: bool = False,
) -> Path:
    """Writes the site of a store, or its tables alone; `harness.leaderboard("results", out="site")`.

    Args:
        store: the result store.
        out: where the site goes; a new folder, an empty one, or that of an earlier site.
        baseline: methods to compare with; `direct` and the most frequent by default.
        attempts: of a run, that its page holds.
        tables: only the CSV, Markdown, LaTeX and JSON tables.

    Returns:
        The page to open, or the folder of the tables.

    Raises:
        UsageError: no such store, `out` holds something else, or the extra `web` is missing.

    Example:
        >>> harness.leaderboard("results", out="site")
    """
    from harness.base.errors import UsageError

    try:
        import jinja2  # noqa: F401

        from harness.leaderboard import site
    except ImportError:
        raise UsageError("the site needs jinja2 and plotly: pip install 'method-harness[web]'") from None
    names = (baseline,) if isinstance(baseline, str) else tuple(baseline)
    options = site.Options(names, **({} if attempts is None else {"shown": attempts}))
    if tables:
        site.build_tables(Path(store), Path(out), options)
        return Path(out)
    site.build(Path(store), Path(out), options)
    return Path(out) / "index.html"


class _Callable(ModuleType):
    """A package that can be called. `harness.leaderboard` is a function of the Python API, but an import of
    any module of this package binds that name in `harness` to the package; as it is both, it doesn't matter
    which came first."""

    def __call__(self, *arguments: Any, **options: Any) -> Path:
        return build_site(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
