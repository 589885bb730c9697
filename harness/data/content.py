"""A file of the user's as bytes and as text: unpacked by what it holds, decoded strictly."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from harness.base.errors import DataError, reason_of

_SAMPLED = 2**16
#: bytes that may come out of any packed file; and of one of which more comes, how many times its size
UNPACKED, PACKED_AT_MOST = 256 << 20, 200
_GAP = re.compile(r"\s*")
_PACKED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"PK\x03\x04": ".zip"}
#: what is no text, by its first bytes
_NOT_TEXT = {
    b"\xd0\xcf\x11\xe0": "a workbook of Excel before 2007; save it as .xlsx or .csv",
    b"%PDF": "a PDF; export its table as .csv",
    b"\x93NUMPY": "an array of numpy; save it as .csv",
    b"SQLite format 3": "a database of SQLite; export its table as .csv",
    b"\x80\x04": "a pickle of Python, which isn't loaded; save it as .parquet or .csv",
    b"\x80\x05": "a pickle of Python, which isn't loaded; save it as .parquet or .csv",
    b"\x28\xb5\x2f\xfd": "packed with zstandard; unpack it, or pack it with gzip",
    b"\x1f\x8b": "packed twice; unpack it once",
}
#: the longer mark first: that of UTF-32 begins as that of UTF-16 does
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """How a file of the user's is written, as far as that can't be seen from it.

    Attributes:
        encoding: name of its encoding; "" for UTF-8, or what a byte order mark says.
        separator: what stands between cells; "" finds it.
        header: whether the first row names the columns; else they are named 1 to n.
        quotes: whether quotation marks enclose cells; else they are text like any other.
        flag: what stands before the name of a setting where a message names it as the cure.
        cure: what a message adds where a column is missing.
    """

    encoding: str = ""
    separator: str = ""
    header: bool = True
    quotes: bool = True
    flag: str = "-T "
    cure: str = ""


def read_bytes(path: Path) -> tuple[bytes, str]:
    """What a file holds, unpacked where it is packed (gzip, bzip2, xz, a zip of one file), and its name
    without the ending that says so.

    Raises:
        DataError: it isn't there, can't be read, or is damaged.
    """
    if not path.is_file():
        raise DataError(f"no file {path}")
    name = path.name
    try:
        raw = path.read_bytes()
        packed = next((ending for mark, ending in _PACKED.items() if raw.startswith(mark)), "")
        if packed and not (packed == ".zip" and b"xl/workbook" in raw):  # a workbook is a zip of its own
            raw, inner = _unpack(raw, packed, name)
            name = inner or (name[: -len(packed)] if name.lower().endswith(packed) else name)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"can't read {path}: {reason_of(error)}") from error
    return raw, name


def _unpack(raw: bytes, packed: str, name: str) -> tuple[bytes, str]:
    """The bytes and, where the archive says it, the name of what is in it."""
    import bz2
    import gzip
    import io
    import lzma
    import zipfile

    if packed == ".zip":
        try:
            archive = zipfile.ZipFile(io.BytesIO(raw))
        except zipfile.BadZipFile as error:
            raise DataError(f"{name} begins like a zip archive or a workbook and is none: {error}") from error
        held = [each for each in archive.namelist() if not each.endswith("/") and "__MACOSX" not in each]
        if len(held) != 1:
            raise DataError(f"{name} is an archive of {len(held)} files; unpack it and name one of them")
        inner = held[0].rpartition("/")[2]
        try:
            return _poured(archive.open(held[0]), len(raw), name), inner
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # damaged, unknown, locked
            raise ValueError(str(error)) from error
    source = io.BytesIO(raw)
    opened: dict[str, Callable[[], Any]] = {
        ".gz": lambda: gzip.GzipFile(fileobj=source),
        ".bz2": lambda: bz2.BZ2File(source),
        ".xz": lambda: lzma.LZMAFile(source),
    }
    try:
        return _poured(opened[packed](), len(raw), name), ""
    except lzma.LZMAError as error:
        raise ValueError(str(error)) from error


def _poured(stream: IO[bytes], packed: int, name: str) -> bytes:
    """All that comes out of `packed` bytes.

    Raises:
        DataError: it is so much that the file was made to fill the memory.
    """
    found = bytearray()
    with stream:
        while part := stream.read(1 << 20):
            found += part
            check_unpacked(len(found), packed, name)
    return bytes(found)


def check_unpacked(size: int, packed: int, name: str) -> None:
    """Whether so many bytes may have been packed in so few.

    Raises:
        DataError: no text packs that well.
    """
    if size > UNPACKED and size > PACKED_AT_MOST * packed:
        raise DataError(
            f"{name} holds {packed:,} bytes and unpacks to more than {size >> 20:,} MiB, as a bomb does; if "
            "it is none, unpack it and name what comes out"
        )


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """The lines that aren't blank, with their numbers from 1. A line ends with a line feed alone: other marks
    of the end of a line may stand in the texts of JSON."""
    number, place = 1, 0
    while (start := _GAP.match(text, place).end()) < len(text):  # type: ignore[union-attr]  # it may be empty
        number += text.count("\n", place, start)
        place = text.find("\n", start)
        place = len(text) if place < 0 else place
        yield number, text[start:place]


def decode(raw: bytes, name: str, form: Form) -> str:
    """The text of a file, without a byte order mark. Nothing is replaced and nothing guessed.

    Raises:
        DataError: bytes that the encoding doesn't have; names the place and the cure.
    """
    if other := next((what for start, what in _NOT_TEXT.items() if raw.startswith(start)), ""):
        raise DataError(f"{name} is {other}")
    marked = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "")
    encoding = form.encoding or marked or "utf-8"
    if b"\0" in raw[:_SAMPLED] and not marked and not form.encoding:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{name} is not text: a zero byte in line {line}; {_zero_cure(raw[:_SAMPLED], form)}")
    try:
        text = raw.decode(encoding)
    except LookupError:
        raise DataError(f"there is no encoding {encoding!r}; {_cure(form)}") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} is not {encoding}: byte 0x{raw[error.start]:02x} at offset {error.start}, line {line}; "
            f"name its encoding: {_cure(form)}"
        ) from None
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name} is not text: a zero character in line {line}; take it out")
    return text


def _zero_cure(raw: bytes, form: Form) -> str:
    """UTF-16 has a zero byte in every second place where its text is Latin."""
    even, odd = raw[0::2].count(0), raw[1::2].count(0)
    if max(even, odd) < 0.05 * len(raw):
        return "take it out"
    return (
        f"for UTF-16 without a mark at its start, {form.flag}encoding=utf-16-{'be' if even > odd else 'le'}"
    )


def _cure(form: Form) -> str:
    return f"{form.flag}encoding=cp1252 (Windows), latin-1, or the one that its program wrote"
