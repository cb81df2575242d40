"""Help whose options stand in groups under headings, for commands with many of them."""

from __future__ import annotations

from typing import Any

import click


class GroupedOption(click.Option):
    """An option that stands under a heading of the help."""

    def __init__(self, *names: Any, heading: str = "Options", **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*names, **settings)
        self.heading = heading


class GroupedCommand(click.Command):
    """A command whose help lists each heading's options together, in the order they were added."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options heading by heading."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(option, "heading", "Other options"), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def examples(*texts: str) -> str:
    """Return the examples that close a command's help, each on lines of its own."""
    return "\n\n".join(f"Example: {text}" for text in texts)
