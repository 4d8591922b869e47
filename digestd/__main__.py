"""`python -m digestd` is `digestd`."""

from digestd.cli import main

main()
