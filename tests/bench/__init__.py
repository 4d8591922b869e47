"""Benchmarks: `python -m tests.bench.growth --help`."""
