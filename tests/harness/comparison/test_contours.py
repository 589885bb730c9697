"""Which scale an axis of a picture of a surface has: logarithmic from eightfold on."""

import pytest

from tests.harness.comparison.test_surface import found_in, grid

pytest.importorskip("matplotlib")


@pytest.mark.parametrize(
    ("reasoning", "searches", "scales"),
    [
        ((1024, 4096, 8192), (1, 4, 7), ("log", "linear")),
        ((1024, 4096, 8191), (1, 4, 8), ("linear", "log")),
        ((1024, 4096, 65536), (2, 4, 6), ("log", "linear")),
    ],
)
def test_an_axis_is_logarithmic_from_eightfold_on(tmp_path, monkeypatch, reasoning, searches, scales):
    from harness import contours

    drawn = []
    monkeypatch.setattr(contours, "save", lambda figure, path: drawn.append(figure))
    grid(tmp_path, lambda r, s: 60 + r, reasoning=reasoning, searches=searches, seeds=2, items=20)
    contours.plot_surfaces([found_in(tmp_path, axes="dials")], tmp_path / "x.svg")
    axes = drawn[0].axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == scales
    for axis, scale in zip((axes.xaxis, axes.yaxis), scales, strict=True):
        assert (type(axis.get_major_locator()).__name__ == "LogLocator") == (scale == "log")
        if scale == "log":  # in plain numbers, at 1, 2 and 5 of each power
            assert axis.get_major_formatter()(20) == "20"
