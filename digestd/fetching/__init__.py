"""Fetching: polite, bounded HTTP requests and confined parsing.

`Fetcher` sends requests within per-host limits and never connects to private addresses; `Reader` parses the answers
in a separate confined process and validates what that process returns. This package knows no source by name and
writes no paper.
"""
