"""`hipturn agreement`: readings by several methods, raters and days, and our own beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import hipturn
from analysis.agreement.figures import agreement_figure
from analysis.agreement.readings import COLUMNS, compare_readings, sentence_of, table_of
from analysis.agreement.words import SOURCES
from analysis.session.assessment import compared_deg
from hipturn.errors import UserError, printable
from hipturn.export.csv import write_table
from hipturn.studies.validate import write_figure
from imu.recording.folder import replace_file

OWN_METHOD = "hipturn"
MAX_BYTES = 50_000_000
DEG_MAX = 180.0


def read_readings(path: Path) -> pd.DataFrame:
    """Return the readings of a CSV file: text columns as text, `deg` as numbers.

    Rows whose `deg` is empty are missing readings and are left out.

    Raises
    ------
    UserError
        When it cannot be read, a column is missing or a cell is no number; names the first.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: is larger than {MAX_BYTES // 1_000_000} MB; check the path")
        head = path.read_text(encoding="utf-8-sig").partition("\n")[0]
        separator = ";" if ";" in head else ","
        table = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig",
            skipinitialspace=True,
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path}: is no table ({printable(str(error))[:120]})") from None
    table = table.rename(columns=lambda name: str(name).strip().casefold())
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise UserError(
            f"{path}: lacks the columns {', '.join(missing)}; it needs {', '.join(COLUMNS)}"
        )
    table = table[list(COLUMNS)].apply(lambda column: column.str.strip())
    table = table[table["deg"] != ""].reset_index(drop=True)
    deg = pd.to_numeric(table["deg"].str.replace(",", "."), errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~(np.abs(deg) <= DEG_MAX))
    if len(wrong):
        cell = printable(table["deg"].iloc[wrong[0]])[:40]
        raise UserError(f"{path}: {cell!r} is no angle in degrees (reading {wrong[0] + 1})")
    out: pd.DataFrame = table.assign(deg=deg)
    return out


def own_readings(folders: Sequence[Path], rater: str = "") -> pd.DataFrame:
    """Return our own readings of sessions, one for each leg: what the record of its test says.

    A set that is no test gives its median end position, or range where its zero is the start pose.
    A test both ways gives two readings; the second one's test is named `… outwards`.

    Raises
    ------
    imu.recording.SessionError
        When a session cannot be read.
    """
    rows = []
    for folder in folders:
        session = hipturn.open(folder)
        result = hipturn.analyse(session)
        exercise = result.recording.entry
        day = session.header.started_at.date().isoformat()
        for row in result.summary.to_dict("records"):
            for test, deg in (
                (exercise.id, compared_deg(exercise, row)),
                (f"{exercise.id} outwards", float(row["external_rotation_deg"])),
            ):
                if deg == deg:
                    leg = str(row["side"])
                    rows.append((session.header.wearer, leg, test, rater, day, OWN_METHOD, deg))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def agreement_of(readings: pd.DataFrame, out: Path) -> list[str]:
    """Compare readings; write table, figure and paragraph, return the lines to print.

    Raises
    ------
    UserError
        When nothing was read twice.
    """
    found = compare_readings(readings)
    if not found:
        raise UserError(
            "nothing was read twice: agreement needs two methods, two raters or two days of one"
            " test of one leg"
        )
    sentences = [sentence_of(one) for one in found]
    out.mkdir(parents=True, exist_ok=True)
    paragraph = " ".join((METHODS, *sentences))
    replace_file(out / "methods.txt", [f"{paragraph}\n\n{chr(10).join(SOURCES)}\n".encode()])
    paths = [
        write_table(table_of(found), out / "agreement.csv"),
        write_figure(agreement_figure(found), out / "agreement.pdf"),
        out / "methods.txt",
    ]
    return [*sentences, *map(str, paths)]


METHODS = (
    "Agreement between methods, raters and days is given for each test as the mean difference with"
    " 95 % limits of agreement (Bland and Altman 1986; several readings of one leg are taken as"
    " one subject's), and as ICC(2,1) and ICC(3,1) of single readings with 95 % intervals (Shrout"
    " and Fleiss 1979), from the one condition under which most legs have every reading. The"
    " standard error of measurement (SEM) holds what raters and chance add; the detectable change"
    " MDC95 is 1.96 times the square root of two times the SEM."
)
