"""`python -m hipturn` is `hipturn`."""

from hipturn.commands.cli import main

main()
