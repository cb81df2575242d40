"""Tables for every spreadsheet: decimal commas, workbooks, and LibreOffice in three languages."""

from __future__ import annotations

import math
import shutil
import subprocess

import openpyxl
import pandas as pd
import pytest

import hipturn as package
from hipturn.export.csv import write_table
from hipturn.export.xlsx import write_workbook

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
LOCALES = ("de-DE", "fr-FR", "en-US")
ROWS_OPENED = 200
"""Of the angles: LibreOffice takes seconds for thousands."""
SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">
<value>{locale}</value></prop></item></oor:items>"""
UTF8, COMMA, SEMICOLON, QUOTE = "76", "44", "59", "34"


@pytest.fixture
def tables(make_session):
    """Return the tables of a session, with what spreadsheets trip over."""
    result = package.analyse(package.open(make_session()))
    reps = result.reps.copy()
    reps.loc[0, "note"] = "=1+1"
    reps.loc[1, "note"] = "un peu; léger, „weich“"
    return {"reps": reps, "summary": result.summary, "angles": result.angles.head(ROWS_OPENED)}


def is_same(cell, expected) -> bool:
    """Tell whether a spreadsheet's cell holds a table's value: the same number, the same text."""
    if expected is None or expected is pd.NA or expected != expected or expected == "":
        return cell in (None, "")
    if isinstance(expected, bool) or str(expected) in ("True", "False"):
        return str(cell).casefold() in (str(expected).casefold(), str(int(bool(expected))))
    if isinstance(expected, int | float):
        return isinstance(cell, int | float) and math.isclose(cell, expected, abs_tol=1e-12)
    return str(cell).removeprefix("'") == str(expected)


def differing(sheet, table, text_as_dates=()):
    """Return the cells of a sheet that are not those of a table."""
    head, *rows = sheet.iter_rows(values_only=True)
    assert list(head) == list(table.columns)
    assert len(rows) == len(table)
    return [
        (name, cell, expected)
        for row, values in zip(rows, table.astype(object).to_numpy().tolist(), strict=True)
        for name, cell, expected in zip(head, row, values, strict=True)
        if name not in text_as_dates and not is_same(cell, expected)
    ]


def opened(folder, paths, locale, *, csv_of=""):
    """Return workbooks as LibreOffice with a country's settings saves what it opened."""
    profile, out = folder / f"profile-{locale}", folder / f"out-{locale}-{csv_of}"
    if not profile.exists():
        (profile / "user").mkdir(parents=True)
        settings = profile / "user" / "registrymodifications.xcu"
        settings.write_text(SETTINGS.format(locale=locale), encoding="utf-8")
    command = [OFFICE, "--headless", "--norestore", f"-env:UserInstallation={profile.as_uri()}"]
    if csv_of:
        command.append(f"--infilter=CSV:{csv_of},{QUOTE},{UTF8},1")
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(out)]
    done = subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        path.stem: openpyxl.load_workbook(out / f"{path.stem}.xlsx", data_only=True)
        for path in paths
    }


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("locale", LOCALES)
def test_libreoffice_finds_every_value_of_a_table_unchanged(tables, tmp_path, locale):
    comma = locale != "en-US"
    paths = [
        write_table(table, tmp_path / f"{name}.csv", "comma" if comma else "point")
        for name, table in tables.items()
    ]
    books = opened(tmp_path, paths, locale, csv_of=SEMICOLON if comma else COMMA)
    for name, table in tables.items():
        # the start is a moment: spreadsheets may show it as theirs
        assert differing(books[name].active, table, ("start_time",)) == []


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("locale", LOCALES)
def test_libreoffice_finds_every_value_of_a_workbook_unchanged(tables, tmp_path, locale, make):
    path = make(tables, tmp_path / "tables.xlsx")
    book = opened(tmp_path, [path], locale)["tables"]
    for name, table in tables.items():
        assert differing(book[name], table) == []


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
def test_a_german_libreoffice_misreads_decimal_points_so_the_comma_is_needed(tables, tmp_path):
    path = write_table(tables["reps"], tmp_path / "reps.csv")
    book = opened(tmp_path, [path], "de-DE", csv_of=COMMA)["reps"]
    assert len(differing(book.active, tables["reps"], ("start_time",))) > 10


@pytest.fixture
def make(make_session):
    """Return a function that writes a workbook of other tables than the session's own."""
    from dataclasses import replace

    result = package.analyse(package.open(make_session("other")))
    return lambda tables, path: write_workbook(replace(result, **tables), path)


def test_a_workbook_holds_typed_cells_and_no_formula(tables, tmp_path, make):
    book = openpyxl.load_workbook(make(tables, tmp_path / "t.xlsx"))
    assert book.sheetnames == ["reps", "sets", "summary", "angles", "notes"]
    for name, table in tables.items():
        assert differing(book[name], table) == []
    kinds = {cell.data_type for row in book["reps"].iter_rows() for cell in row}
    assert "f" not in kinds
    assert book["reps"].freeze_panes == "A2"
    texts = [str(row[1]) for row in book["notes"].iter_rows(values_only=True)]
    assert any("inclinometer" in text for text in texts)
    assert texts[-1] == "Not a diagnosis."


def test_a_workbook_to_read_holds_summary_sets_reps_and_what_to_know(
    hipturn, make_session, tmp_path
):
    session = make_session()
    code, out, err = hipturn("export", session, "--to", "xlsx", "--out", tmp_path / "t")
    assert (code, out.strip()) == (0, str(tmp_path / "t" / "spreadsheet.xlsx")), err
    book = openpyxl.load_workbook(tmp_path / "t" / "spreadsheet.xlsx")
    assert book.sheetnames == ["Summary", "Sets", "Reps", "About"]
    assert {cell.data_type for sheet in book for row in sheet for cell in row} <= {"s", "n", "b"}
    assert differing(book["Sets"], package.analyse(package.open(session)).sets) == []


def test_the_same_session_makes_the_same_workbook(tables, tmp_path, make):
    first, second = (make(tables, tmp_path / f"{name}.xlsx") for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_table_longer_than_a_sheet_goes_on_in_another(tables, tmp_path, make, monkeypatch):
    monkeypatch.setattr("hipturn.export.xlsx.ROWS_MAX", 150)
    book = openpyxl.load_workbook(make(tables, tmp_path / "t.xlsx"))
    assert [name for name in book.sheetnames if "angles" in name] == ["angles", "angles 2"]
    assert book["angles 2"].max_row == 1 + ROWS_OPENED - 150


def test_analyse_writes_decimal_commas_and_a_workbook(hipturn, make_session, tmp_path):
    session, out = make_session(), tmp_path / "t"
    options = ("--no-report", "--out", out, "--decimal", "comma", "--xlsx")
    code, said, err = hipturn("analyse", session, *options)
    assert code == 0, err
    text = (out / "reps.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfsession_id;wearer;")
    table = pd.read_csv(out / "angles.csv", sep=";", decimal=",", encoding="utf-8-sig")
    own = package.analyse(package.open(session)).angles
    name = "hip_internal_rotation_deg"
    assert table[name].dropna().tolist() == own[name].dropna().tolist()
    assert (out / "tables.xlsx").stat().st_size > 5000
    again = hipturn("analyse", session, *options)
    assert "unchanged and not done again: 1" in again[1]
    assert said.splitlines()[0] == again[1].splitlines()[0]
    assert "unchanged" not in hipturn("analyse", session, "--no-report", "--out", out)[1]


def test_a_summary_over_all_keeps_the_decimal_comma(hipturn, make_session, tmp_path):
    sessions = [make_session(name) for name in ("a", "b")]
    options = ("--no-report", "--out", tmp_path / "t", "--decimal", "comma")
    assert hipturn("analyse", *sessions, *options)[0] == 0
    rows = pd.read_csv(tmp_path / "t" / "summary.csv", sep=";", decimal=",")
    assert rows["valid"].tolist() == [3, 3]
    assert rows["rom_median_deg"].dtype == float


def test_entries_by_hand_with_semicolons_are_not_overwritten(hipturn, make_session, tmp_path):
    session = make_session()
    options = ("--no-report", "--out", tmp_path / "t", "--decimal", "comma")
    assert hipturn("analyse", session, *options)[0] == 0
    path = tmp_path / "t" / "reps.csv"
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    cells = lines[1].split(";")
    cells[lines[0].split(";").index("note")] = "hurts"
    lines[1] = ";".join(cells)
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    code, _, err = hipturn("analyse", session, "--no-report", "--out", tmp_path / "t")
    assert code == 1
    assert "entries made by hand (note)" in err


def test_a_wearer_is_forgotten_in_tables_with_semicolons_and_workbooks(
    hipturn, make_session, tmp_path
):
    session = make_session("recordings/s")
    out = tmp_path / "tables"
    options = ("--no-report", "--out", out, "--decimal", "comma", "--xlsx")
    assert hipturn("analyse", session, *options)[0] == 0
    code, _, err = hipturn("forget", "virtual", "--yes", "--dir", session.parent, "--tables", out)
    assert code == 0, err
    assert not list(out.glob("*.csv"))
    assert not (out / "tables.xlsx").exists()


def test_export_writes_commas_and_a_workbook_too(hipturn, make_session, tmp_path):
    session = make_session()
    options = ("--out", tmp_path / "x", "--decimal", "comma", "--xlsx")
    code, out, err = hipturn("export", session, "--to", "csv", *options)
    assert code == 0, err
    assert out.splitlines()[-1].endswith("tables.xlsx")
    samples = (tmp_path / "x" / "samples.csv").read_text(encoding="utf-8-sig").splitlines()
    assert samples[0].startswith("unit;host_time_ns;")
    assert "," in samples[1]
    assert hipturn("export", session, "--to", "fhir", "--xlsx")[0] == 2
