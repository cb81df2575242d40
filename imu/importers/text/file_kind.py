"""What a file is that is no text: named, so that its owner knows what to do with it."""

from __future__ import annotations

from typing import NamedTuple

SNIFFED_BYTES = 65_536


class Kind(NamedTuple):
    """A kind of file that holds no lines of text."""

    name: str
    """Such as `a zip archive`."""
    remedy: str


_SAVE = "open it there and save the sheet as CSV"
_UNPACK = "unpack it and give the CSV files in it"
_ARRAYS = "write its arrays as CSV, one file a unit"
WORKBOOK = Kind("a workbook of a spreadsheet program", _SAVE)
ZIP = Kind("a zip archive", _UNPACK)
ARRAYS = Kind("an archive of NumPy arrays", _ARRAYS)
DOCUMENT = Kind("a document of an office program", "give the CSV file")

# Signatures: Gary Kessler's list of file signatures, and each format's own specification.
_SIGNATURES = (
    (b"\x1f\x8b", Kind("a gzip archive", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", Kind("a RAR archive", _UNPACK)),
    (b"BZh", Kind("a bzip2 archive", _UNPACK)),
    (b"\xfd7zXZ\x00", Kind("an xz archive", _UNPACK)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("an old workbook (.xls)", _SAVE)),
    (b"%PDF-", Kind("a PDF document", "give the CSV file")),
    (b"PAR1", Kind("a Parquet file", _ARRAYS)),
    (b"ARROW1", Kind("an Arrow file", _ARRAYS)),
    (b"\x93NUMPY", Kind("a NumPy array", _ARRAYS)),
    (b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file", _ARRAYS)),
    (b"MATLAB 5.0 MAT-file", Kind("a MATLAB file", _ARRAYS)),
    (b"SQLite format 3\x00", Kind("an SQLite database", "export the recording as CSV")),
    (b"XSENS\x00", Kind("an Xsens binary log", "export it as CSV or text in the vendor's program")),
)  # fmt: skip


def kind_of(start: bytes) -> Kind | None:
    """Return what a file is by its first bytes; None when it may be text.

    Parameters
    ----------
    start
        At most `SNIFFED_BYTES`; a zip archive is told by the names in it.
    """
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _zip_kind(start)
    return next((kind for mark, kind in _SIGNATURES if start.startswith(mark)), None)


def _zip_kind(start: bytes) -> Kind:
    if b"xl/" in start or b"opendocument.spreadsheet" in start[:200]:
        return WORKBOOK
    if b"word/" in start or b"ppt/" in start or b"opendocument." in start[:200]:
        return DOCUMENT
    length = int.from_bytes(start[26:28], "little")
    first_name = start[30 : 30 + length]
    if first_name == b"[Content_Types].xml":
        return WORKBOOK
    return ARRAYS if first_name.endswith(b".npy") else ZIP
