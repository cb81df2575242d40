"""`hipturn export`: sessions as the files of other tools."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import hipturn

if TYPE_CHECKING:
    from hipturn.export.csv import Decimal

FORMS = {
    "csv": "csv",
    "opensim": "opensim",
    "motion-bids": "motion_bids",
    "parquet": "parquet",
    "fhir": "fhir",
    "calibration": "calibration",
    "xlsx": "xlsx",
}
"""What a form is called, and the module beside this one that has its `export_…`."""
ONE_DATASET = "motion-bids"

Writer = Callable[..., list[Path]]
"""Takes a result, its session and a folder; FHIR also what the wearer's own tests tell."""


def writer_of(form: str) -> Writer:
    """Return what writes a form; its module is imported only now."""
    name = FORMS[form]
    return cast(
        "Writer", getattr(importlib.import_module(f"hipturn.export.{name}"), f"export_{name}")
    )


def export_sessions(
    paths: list[Path],
    form: str,
    out: Path | None,
    *,
    decimal: Decimal = "point",
    xlsx: bool = False,
) -> Iterator[Path]:
    """Export sessions and yield every file written.

    One session goes to `out`, several to a folder each under it; Motion-BIDS keeps them in one
    dataset.

    Raises
    ------
    UserError
        When a session has nothing to export as this form.
    SessionError
        When a session cannot be read.
    """
    from hipturn.export.csv import export_csv  # pyarrow, pandas only when something is written
    from hipturn.export.xlsx import WORKBOOK, write_workbook
    from hipturn.history.earlier import candidates, own_changes

    write: Writer = partial(export_csv, decimal=decimal) if form == "csv" else writer_of(form)
    earlier = candidates(paths) if form == "fhir" else {}
    for path in paths:
        session = hipturn.open(path)
        name = session.header.session_id
        folder = out or Path(f"{name}_{form}")
        if out is not None and len(paths) > 1 and form != ONE_DATASET:
            folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        result = hipturn.analyse(session)
        more = {"own": own_changes(result, path, earlier)} if form == "fhir" else {}
        yield from write(result, session, folder, **more)
        if xlsx:
            yield write_workbook(result, folder / WORKBOOK)
