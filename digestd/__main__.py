"""`python -m digestd` is `digestd`."""

from digestd.cli import main

if __name__ == "__main__":
    main()
