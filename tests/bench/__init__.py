"""Benchmarks: `python -m tests.bench.delivery --help`."""
