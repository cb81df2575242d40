"""Where a wearer's reference stands: in names, in text, and in the files that hide their text.

What is searched is what hipturn writes: tables, Parquet, workbooks, PDF, pictures with a title,
HTML, FHIR, OpenSim and Motion-BIDS. Links are never followed.
"""

from __future__ import annotations

import contextlib
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from imu.recording.folder import SAMPLES_FILE

MAX_BYTES = 50_000_000
"""A larger file is a recording or a table of samples, which name nobody."""
GROWING = ("summary.csv", "reps.csv", "manifest.json", "participants.tsv", "safety_shown.json")
"""But for these of ours, which grow with every session or wearer."""
ZIP_MAX_BYTES = 200_000_000
"""A workbook of some hours of angles, unpacked; a bomb unpacks to more."""
PDF_PAGES_MAX = 400
"""A report of as many sessions."""
DRAWN = (".pdf", ".png", ".svg", ".html")
"""What reports and figures are written as."""


def word(reference: str) -> re.Pattern[str]:
    """Return what finds a reference as a word of its own: W1 is not in W10 or W1-b."""
    return re.compile(r"(?<![\w-])" + re.escape(reference) + r"(?![\w-])")


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every plain file below a folder, in order; links are left out."""
    for place, inner, names in os.walk(folder):
        inner.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path


def links_below(folder: Path) -> Iterator[Path]:
    """Yield every link below a folder."""
    for place, inner, names in os.walk(folder):
        yield from (p for p in (Path(place, n) for n in (*inner, *names)) if p.is_symlink())


def naming(folder: Path, reference: str) -> Iterator[Path]:
    """Yield the files below a folder that hold the reference as a word, in name or content."""
    sought = word(reference)
    for path in files_below(folder):
        if sought.search(str(path.relative_to(folder))) or sought.search(text_in(path)):
            yield path


def text_in(path: Path) -> str:
    """Return what a file says: its text, or what can be read of a file of another kind.

    A file that cannot be read says nothing.
    """
    if path.name == SAMPLES_FILE:
        return ""
    read = READERS.get(path.suffix.lower(), _plain)
    # what a damaged file raises in three libraries is not to be listed
    with contextlib.suppress(Exception):
        if path.name in GROWING or path.stat().st_size <= MAX_BYTES:
            return read(path)
    return ""


def _plain(path: Path) -> str:
    data = path.read_bytes()
    escaped = data.decode("utf-8", "replace")
    # JSON may hold the same letters as escapes
    return escaped + (data.decode("unicode_escape", "replace") if b"\\u" in data else "")


def _pdf(path: Path) -> str:
    import pypdf

    with path.open("rb") as file:
        reader = pypdf.PdfReader(file)
        about = [str(value) for value in (reader.metadata or {}).values()]
        return "\n".join(about + [page.extract_text() for page in reader.pages[:PDF_PAGES_MAX]])


def _picture(path: Path) -> str:
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return "\n".join(str(value) for value in image.info.values())


def _parquet(path: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.parquet.read_table(path)
    texts: set[str] = {str(table.schema.metadata)}
    for column in table.columns:
        plain = column.type
        if pa.types.is_dictionary(plain):
            plain = plain.value_type
        if pa.types.is_string(plain) or pa.types.is_large_string(plain):
            texts |= {str(value) for value in column.unique().to_pylist()}
    return "\n".join(sorted(texts))


def _zip(path: Path) -> str:
    with zipfile.ZipFile(path) as file:
        if sum(one.file_size for one in file.infolist()) > ZIP_MAX_BYTES:
            return ""
        return "\n".join(f"{n}\n{file.read(n).decode('utf-8', 'replace')}" for n in file.namelist())


def _samples(_: Path) -> str:
    return ""


READERS: dict[str, Callable[[Path], str]] = {
    ".pdf": _pdf,
    ".png": _picture,
    ".parquet": _parquet,
    ".xlsx": _zip,
    ".zip": _zip,
    ".arrows": _samples,
    ".sqlite": _samples,
}
"""By suffix; every other file is text. An index is made anew, not searched."""
