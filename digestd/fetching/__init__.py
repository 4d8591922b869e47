"""Fetching: polite, bounded HTTP requests and confined parsing.

`Fetcher` sends requests within per-host limits and never follows a redirect to a private address; `AnswerParser` has
the answers parsed in a confined process (`parser_main`) and validates what that process returns (`page_validation`).
This package knows no source by name and writes no paper.
"""
