"""The prompt as the light curator reads it: character n-grams, reduced to a few dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.methods.curator.signals import Floats

DIMENSIONS = 32


def text_features(prompts: Sequence[str], dimensions: int = DIMENSIONS) -> Floats:
    """(K, D), D at most `dimensions` + 2; columns have mean 0 and deviation 1.

    Latent semantic analysis of character 1- to 3-grams, the length, and a constant column. Unsupervised: it
    knows neither levels nor answers.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer

    counts = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=4096, alternate_sign=False
    ).transform(prompts)
    columns = [np.log1p([len(prompt) for prompt in prompts])[:, None]]
    size = min(dimensions, len(prompts) - 1, counts.shape[1] - 1)
    if size > 0:
        columns.append(TruncatedSVD(size, random_state=0).fit_transform(counts))
    table = np.concatenate(columns, axis=1)
    spread = table.std(0)
    table = (table - table.mean(0)) / np.where(spread > 1e-12, spread, 1.0)
    return np.concatenate([table, np.ones((len(table), 1))], axis=1)
