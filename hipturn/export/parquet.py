"""The tables and every sample as Parquet: types kept, small, fast to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet

from hipturn.export.csv import sample_table

if TYPE_CHECKING:
    from analysis.sessions import Result
    from imu.recording import Session


def export_parquet(result: Result, session: Session, folder: Path) -> list[Path]:
    """Write angles, reps, summary and samples as Parquet files and return their paths.

    Columns are those of the CSV tables; what is not known is null.
    """
    tables = {
        "angles": pa.Table.from_pandas(result.angles, preserve_index=False),
        "reps": pa.Table.from_pandas(result.reps, preserve_index=False),
        "summary": pa.Table.from_pandas(result.summary, preserve_index=False),
        "samples": sample_table(session),
    }
    written = []
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        part = path.with_suffix(".part")
        pyarrow.parquet.write_table(table, part, compression="zstd")
        written.append(part.replace(path))
    return written
