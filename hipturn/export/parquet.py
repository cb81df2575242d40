"""The tables and every sample as Parquet: types kept, small, fast to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet

from hipturn.export.csv import TABLES, sample_table

if TYPE_CHECKING:
    import pandas as pd

    from analysis.session.analyse import Result
    from imu.recording import Session


PARQUET = "parquet"
"""The folder of the data set, beside the tables of many sessions."""
PARTITION = "session"


def export_parquet(result: Result, session: Session, folder: Path) -> list[Path]:
    """Write angles, reps, sets, summary and samples as Parquet files and return their paths.

    Columns are those of the CSV tables; what is not known is null.
    """
    tables = {**_tables(result), "samples": sample_table(session)}
    return [_write(table, folder / f"{name}.parquet") for name, table in tables.items()]


def partitions(root: Path, name: str) -> dict[str, Path]:
    """Return where the tables of one session lie in a data set that all share, by table."""
    return {table: root / table / f"{PARTITION}={name}" / f"{table}.parquet" for table in TABLES}


def write_partitions(result: Result, root: Path, name: str) -> list[Path]:
    """Write the tables of one session into a data set partitioned by session.

    `ROOT/angles/session=NAME/angles.parquet` and so on: the way pandas, DuckDB and Spark read
    many files as one table with a column `session`.
    """
    return [write_partition(getattr(result, table), table, root, name) for table in TABLES]


def write_partition(frame: pd.DataFrame, table: str, root: Path, name: str) -> Path:
    """Write one of a session's tables into it."""
    path = partitions(root, name)[table]
    path.parent.mkdir(parents=True, exist_ok=True)
    return _write(pa.Table.from_pandas(frame, preserve_index=False), path)


def _tables(result: Result) -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_pandas(getattr(result, name), preserve_index=False) for name in TABLES
    }


def _write(table: pa.Table, path: Path) -> Path:
    part = path.with_suffix(".part")
    pyarrow.parquet.write_table(table, part, compression="zstd")
    return part.replace(path)
