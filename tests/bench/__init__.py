"""Benchmarks, each a command of its own: `python -m tests.bench.delivery --help`.

`rank` measures ranking, `delivery` the pipeline from planning to the relay, `anonymous_requests` and `preview_flood`
what strangers can cost. Papers and subscribers come from `synthetic_data`, mails go to `smtp_sink`.
"""
