"""The columns of a summary that need another session: change since last time, the other leg."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.session.tables import side_flag


def with_changes(
    summary: pd.DataFrame,
    earlier_rom_deg: Mapping[str, float],
    other_leg_rom_deg: float | None = None,
) -> pd.DataFrame:
    """Return a session's summary with what earlier sessions of the same wearer tell.

    Parameters
    ----------
    summary
        Of one session and exercise, a row for each leg.
    earlier_rom_deg
        Median range of the last session of the same exercise before, by side.
    other_leg_rom_deg
        Median range of the other leg at about the same time, where this session has one leg only.
    """
    table = summary.copy()
    for index, row in summary.iterrows():
        before = earlier_rom_deg.get(str(row["side"]))
        if before is not None and row["rom_median_deg"] == row["rom_median_deg"]:
            change = round(float(row["rom_median_deg"]) - before, 3) + 0.0
            table.loc[index, "change_since_last_deg"] = change
            if row["mdc_deg"] == row["mdc_deg"]:  # it is known
                table.loc[index, "change_exceeds_mdc"] = abs(change) > float(row["mdc_deg"])
    if len(table) == 1 and other_leg_rom_deg is not None:
        mine, side = float(table["rom_median_deg"].iloc[0]), str(table["side"].iloc[0])
        sign = 1.0 if side == "right" else -1.0
        difference = sign * (mine - other_leg_rom_deg)
        if difference == difference:
            table["side_difference_deg"] = round(difference, 3) + 0.0
            table["side_flag"] = side_flag(abs(difference))
    return table
