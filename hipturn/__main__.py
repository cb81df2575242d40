"""`python -m hipturn` is `hipturn`."""

from hipturn.cli import main

main()
