"""Servers on this machine that answer as services document, for sources of which no recording was found.

They apply every filter, enforce every limit, and refuse what the documentation does not allow: a source that sends a
wrong parameter finds nothing here, as it would there. All papers are invented.
"""
