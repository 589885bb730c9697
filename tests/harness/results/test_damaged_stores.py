"""A store of which one file was damaged: it is named in one line, and all else goes on."""

import hashlib
import json
import os
import re
import shutil

import pyarrow as pa
import pytest
from pyarrow import parquet

from harness.base.errors import RecordError, UsageError
from harness.comparison.arms import arms_of
from harness.comparison.items import load_items
from harness.results import load_curves
from harness.results.attempts import hashed_rows
from harness.results.index import in_force, read_index
from harness.results.store import Store
from harness.results.verify import sound_attempts, verify_store
from tests.damages import BESIDE, CHANGED, HARMLESS, METRIC, RECORD, a_copy, build, crafted, looped, put


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store, the folder of the run that will be damaged, and a copy of it as it was sealed."""
    place = tmp_path_factory.mktemp("damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(place / "cache"))
        folder = build(place / "store")
        shutil.copytree(folder, place / "whole")
        yield place / "store", folder, place / "whole"


@pytest.fixture
def store(sound):
    """The store, with an index from before, and the folder of the run."""
    root, folder, whole = sound
    read_index(root)
    yield root, folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.unlink(missing_ok=True)
    strange = (root / "v1").glob("[!s]*"), folder.parent.glob("[!0-9a-f]*"), (root / ".index").glob("*")
    for path in (*(path for found in strange for path in found), folder.with_name("0" * 12)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.copytree(whole, folder)


def named(table):
    return pytest.mark.parametrize(
        ("damage", "says"), [pytest.param(damage, says, id=name) for name, damage, says in table]
    )


def whole(damage):
    """Whether the run itself is as it was."""
    return damage in (a_copy, looped)


def one(faults, says):
    (line,) = faults
    assert re.search(says, line) and len(line.splitlines()) == 1, line


@named(RECORD)
def test_a_damaged_record_is_set_aside(store, damage, says):
    root, folder = store
    damage(folder)
    left = 6 if whole(damage) else 5
    index = read_index(root)
    one(index.faults, says)
    assert len(index.rows) == left
    said = []
    assert len(list(Store(root).records(said))) == left
    assert said == index.faults


@named(BESIDE)
def test_damaged_attempts_and_curves_are_found_where_they_are_read(store, damage, says):
    root, folder = store
    damage(folder)
    faults, n = verify_store(root)
    one(faults, says)
    assert n == 5
    index = read_index(root)
    assert len(index.rows) == 6 and not index.faults  # the record itself is as it was sealed
    if "curve" in faults[0]:
        with pytest.warns(UserWarning, match=says):
            assert len(load_curves(str(root))) == 4
        return
    rows, said = sound_attempts(in_force(index.rows))
    assert said == faults and len(rows) == 5
    (broken,) = (arm for arm in arms_of(index.rows) if arm.method == "vote")
    with pytest.raises(RecordError, match=says):
        load_items(broken, "accuracy")


@pytest.mark.parametrize(("damage", "runs"), [pytest.param(d, n, id=name) for name, d, n in HARMLESS])
def test_what_harms_no_run_is_no_fault(store, damage, runs):
    root, folder = store
    damage(folder)
    assert verify_store(root) == ([], runs)
    index = read_index(root)
    assert (len(index.rows), index.faults) == (runs, [])


def edit(change):
    def damage(path):
        change(path, path.read_text())

    return damage


def numbers(path, text):
    path.write_text(re.sub(r'"value": 0\.\d+', '"value": 0.9', text))


def first_row(path, text):
    found = json.loads(text)
    next(iter(found.values()))[2]["metrics"]["accuracy"]["value"] = 0.9
    path.write_text(json.dumps(found))


def swapped(path, text):
    """Each run with another one's row, seal and all."""
    lines = text.splitlines()
    names, rest = zip(*(line.split(": [", 1) for line in lines[1:-1]), strict=True)
    path.write_text(
        "\n".join([lines[0], *map(": [".join, zip(names, (*rest[1:], rest[0]), strict=True)), "}"])
    )


@pytest.mark.parametrize(
    "change",
    [
        numbers,
        first_row,
        swapped,
        lambda path, text: path.write_text(text.replace('"seed": 1', '"seed": 2')),
        lambda path, text: path.write_text(text[: len(text) // 2]),
        lambda path, text: path.write_text(""),
        lambda path, text: path.write_text("[" * 100_000),
        lambda path, text: path.write_text(text + text),
        lambda path, text: path.write_bytes(b"\xff" * 100),
        lambda path, text: (path.unlink(), path.mkdir()),
        lambda path, text: (path.unlink(), path.symlink_to(path.name)),
        lambda path, text: (path.unlink(), path.symlink_to("/dev/zero")),
    ],
)
def test_an_index_that_was_changed_is_not_believed(store, change):
    root, _ = store
    before = read_index(root).rows
    (path,) = (root / ".index").glob("rows.*.json")
    assert json.loads(path.read_text())  # the whole is one JSON object
    change(path, path.read_text())
    assert read_index(root).rows == before and read_index(root).faults == []


def test_an_index_of_another_user_is_not_believed(store, monkeypatch, tmp_path):
    root, folder = store
    before = read_index(root)
    (path,) = (root / ".index").glob("rows.*.json")
    theirs = path.read_bytes()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "mine"))
    assert read_index(root) == before and path.read_bytes() != theirs


def test_attempts_that_were_sound_are_read_again_once_they_change(store, monkeypatch):
    root, folder = store
    rows = read_index(root).rows
    assert sound_attempts(rows) == (rows, [])
    damage = next(each for each in BESIDE if each[0] == "attempts: other scores")[1]
    status = (folder / "samples.parquet").stat()
    damage(folder)
    os.utime(folder / "samples.parquet", ns=(status.st_atime_ns, status.st_mtime_ns))
    kept, faults = sound_attempts(rows)
    assert len(kept) == 5 and len(faults) == 1


def test_a_file_that_goes_while_it_is_read_is_no_fault(store, monkeypatch):
    root, folder = store
    read = Store.read

    def vanishing(self, place):
        if place == folder:
            shutil.rmtree(place, ignore_errors=True)
        return read(self, place)

    shutil.rmtree(root / ".index")
    monkeypatch.setattr(Store, "read", vanishing)
    index = read_index(root)
    assert (len(index.rows), index.faults) == (5, [])


def test_a_folder_that_may_not_be_read_is_named(store, monkeypatch):
    root, folder = store
    look = os.scandir

    def refused(path):
        if str(path) == str(folder.parent):
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr("harness.results.places.os.scandir", refused)
    one(read_index(root).faults, "can't be read: Permission denied")
    faults, sound = verify_store(root)
    one(faults, "Permission denied")
    assert sound == 3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: None, "no result store at"),
        (lambda root: root.write_text(""), "no result store at"),
        (lambda root: root.mkdir(), "an empty folder"),
        (lambda root: (root / "src").mkdir(parents=True), "is no result store"),
        (lambda root: (root.mkdir(), (root / "v1").write_text("")), "v1 in it is no folder"),
        (lambda root: (root.mkdir(), (root / "v1").symlink_to("v1")), "v1 in it is no folder"),
    ],
)
def test_what_is_no_store_is_not_verified_as_one(tmp_path, make, says):
    root = tmp_path / "it"
    make(root)
    with pytest.raises(UsageError, match=says):
        verify_store(root)


def test_a_run_in_two_places_is_not_shown_as_either(store):
    root, folder = store
    a_copy(folder)
    with pytest.raises(RecordError, match="is there again"):
        Store(root).find(folder.name)


HOLDS_ALL, TOO_FEW = [0.0, 1.0], [0.66, 0.67]
ACCURACY = METRIC[:2]


@pytest.mark.parametrize(
    ("value", "keys", "says"),
    [
        (
            0.7,
            METRIC,
            r"have a mean accuracy of 0\.666667, its record says 0\.7; restore it or remove the run",
        ),
        (0.65, METRIC, r"its record says 0\.65;"),
        (
            HOLDS_ALL,
            (*ACCURACY, "ci"),
            r"ci of accuracy is 0\.\d+ to 0\.\d+ by its attempts, its record says 0 to 1",
        ),
        (TOO_FEW, (*ACCURACY, "ci"), r"its record says 0\.66 to 0\.67;"),
        (0.0, (*ACCURACY, "stderr"), r"stderr of accuracy is 0\.\d+ by its attempts, its record says 0\.0;"),
        (5, (*ACCURACY, "n_items"), "n_items of accuracy is 6 by its attempts, its record says 5;"),
        (2, ("epochs",), "its attempts are of 1 epochs, its record says 2;"),
        (1, ("counts", "no_answer"), "its attempts have 0 of no_answer, its record says 1;"),
        (1, ("counts", "truncated"), "its attempts have 0 of truncated, its record says 1;"),
        (1, ("counts", "judge_errors"), "its attempts have 0 of judge_errors, its record says 1;"),
        ({"unreadable": 1}, ("reasons",), r"went unread for \{\}, its record says \{'unreadable': 1\};"),
        (
            {"steps": {"mean": 1.0, "stderr": None, "n_items": 6}},
            ("measures",),
            "the method's measures are not those of its attempts;",
        ),
        (1e300, ("usage", "cost_usd"), r"its purposes took cost_usd 0, its record says 1e\+300;"),
        (None, ("usage", "cost_usd"), "its purposes know cost_usd, and the whole does not"),
        (7, ("usage", "calls"), "its purposes took calls 6, its record says 7;"),
    ],
)
def test_a_number_that_its_attempts_dont_have_is_no_sound_one(store, value, keys, says):
    """Whoever changes a number and seals the record again doesn't get it by."""
    root, folder = store
    crafted(put(value, *keys))(folder)
    one(verify_store(root)[0], says)


@pytest.mark.parametrize(
    ("spent", "says"),
    [
        ({"cost_usd": 1e300}, r"its attempts took cost_usd 0, its record says 1e\+300;"),
        ({"input_tokens": 61}, "its attempts took input_tokens 60, its record says 61;"),
        ({"calls": 5}, "its attempts took calls 6, its record says 5;"),
        ({"calls": 8, "output_tokens": 5}, "its attempts took output_tokens 6, its record says 5;"),
        ({"calls": 8, "output_tokens": 9, "cost_usd": 0.5}, ""),  # as when a method is fitted
    ],
)
def test_a_run_spent_what_its_attempts_did_and_no_less(store, spent, says):
    root, folder = store

    def change(record):
        record["usage"].update(spent)
        record["usage"]["by_purpose"]["answer"].update(spent)

    crafted(change)(folder)
    faults, sound = verify_store(root)
    assert (sound, faults) == (6, []) if not says else len(faults) == 1 and re.search(says, faults[0]), faults


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cost_usd", -0.5),
        ("epoch", -1),
        ("output_tokens", -1),
    ],
)
def test_an_attempt_below_0_is_no_sound_one(store, name, value):
    root, folder = store
    path = folder / "samples.parquet"
    table = parquet.read_table(path)
    place = table.schema.names.index(name)
    column = pa.array([value, *table[name].to_pylist()[1:]], table.schema.types[place])
    parquet.write_table(table.set_column(place, name, column), path)
    hasher = hashlib.sha256(b"".join(map(hashed_rows, table.set_column(place, name, column).to_batches())))
    crafted(put(hasher.hexdigest(), "samples", "digest"))(folder)
    one(verify_store(root)[0], f"an attempt has {name} below 0;")


@pytest.mark.parametrize(
    ("bounds", "bomb"),
    [
        ({}, False),
        ({"UNPACKED": 10_000, "RATIO": 1}, True),  # a page
        ({"AT_ONCE": 10_000, "RATIO": 1}, True),  # a text in every row
        ({"AT_ONCE": 10_000}, False),  # no more than a file of its size may hold
        ({"ROWS_OF_A_BYTE": 1e-6}, True),
    ],
)
def test_attempts_that_unpack_to_fill_the_memory_are_not_read(store, monkeypatch, bounds, bomb):
    root, folder = store
    path = folder / "samples.parquet"
    table = parquet.read_table(path)
    long = pa.DictionaryArray.from_arrays(pa.array([0] * len(table), pa.int32()), pa.array(["x" * 30_000]))
    table = table.set_column(table.schema.names.index("completion"), "completion", long)
    parquet.write_table(table, path, compression="zstd")
    for name, value in bounds.items():
        monkeypatch.setattr(f"harness.results.verify.{name}", value)
    one(verify_store(root)[0][:1], "can't be read: its .* bytes unpack" if bomb else CHANGED)
