"""The result store: immutable records, verified when they are read, tables that are only views.

`load("results")` gives every trustworthy row as a pandas DataFrame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load", "load_curves", "load_samples"]


def load(store: str = "results", **filters: Any) -> pd.DataFrame:
    """One row per run and metric, newest record of each run; see `harness.results.table.frame`."""
    from harness.results.table import frame

    return frame(store, **filters)


def load_curves(store: str = "results") -> pd.DataFrame:
    """One row per run and step of its learning curve; see `harness.results.table.curves_frame`."""
    from harness.results.table import curves_frame

    return curves_frame(store)


def load_samples(run: str, store: str = "results") -> pd.DataFrame:
    """One row per attempt of a run, given by id or its beginning."""
    from harness.results.table import samples_frame

    return samples_frame(run, store)
