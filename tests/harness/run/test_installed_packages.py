"""What is installed of an official package is in the record and in the key, whatever the recipe pins."""

import pytest

from harness.external import manifest, setup
from harness.results.packages import package_lines
from tests.one_cell import cell_of, run

RECIPE = {
    "name": "made-up",
    "requirements": ["library"],
    "verify": "nowhere:verify",
    "checkout": {"url": "https://host.example/a", "revision": "a" * 40, "take": {"src": "package"}},
}
CLONED = {"url": "https://host.example/a", "wanted": "a" * 40, "revision": "a" * 40}
CLONED |= {"as_wanted": True, "changed": False}


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """The record of a run of a task with an official package of this text, and the hints."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def of(text, **state):
        place = setup.folder(RECIPE) / "package"
        place.mkdir(parents=True, exist_ok=True)
        (place / "rules.py").write_text(text)
        manifest.write(place.parent, RECIPE, {**CLONED, **state})
        setup._present.cache_clear()
        (result,) = run(tmp_path, cell_of(setup=RECIPE)).results
        assert result.error is None
        return result.record

    yield of
    setup._present.cache_clear()


def test_another_content_is_another_run_and_where_it_is_from_is_not(measured):
    one = measured("right = 1")
    assert one["packages"]["made-up"]["checkout"] == CLONED
    assert one["comparability"]["installed"] == {"made-up": one["packages"]["made-up"]["files"]["digest"]}
    again = measured("right = 1", revision="unknown", as_wanted=None, changed=None)
    assert again["run_id"] == one["run_id"] and again["reused"]
    other = measured("right = 2")
    assert other["comparability_key"] != one["comparability_key"] and other["run_id"] != one["run_id"]
    assert other["subject_key"] == one["subject_key"]


def test_a_task_without_a_package_of_its_own_has_none_in_its_key(tmp_path):
    (result,) = run(tmp_path, cell_of()).results
    assert result.record["packages"] == {} and "installed" not in result.record["comparability"]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({}, "made-up: revision aaaaaaaaaaaa, 1 files "),
        (
            {"revision": "b" * 40, "as_wanted": False, "changed": True},
            "made-up: revision bbbbbbbbbbbb (the recipe wants aaaaaaaaaaaa), with changes, 1 files ",
        ),
        (
            {"revision": "unknown", "as_wanted": None, "changed": None},
            "made-up: revision unknown (the recipe wants aaaaaaaaaaaa), 1 files ",
        ),
    ],
)
def test_show_says_what_was_installed(measured, state, says):
    record = measured("right = 1", **state)
    (line,) = package_lines(record)
    assert line == says + record["packages"]["made-up"]["files"]["digest"][:12]


def test_an_older_record_names_the_pin_alone():
    older = {"packages": {"tau2": {"commit": "b711c1e"}, "bfcl": {"requirement": "bfcl-eval==1"}}}
    assert package_lines(older) == [
        "tau2: the recipe names b711c1e; what was installed is not known",
        "bfcl: the recipe names bfcl-eval==1; what was installed is not known",
    ]
