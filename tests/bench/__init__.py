"""Benchmarks, each a command of its own: `python -m tests.bench.delivery --help`.

`rank` measures ranking, `delivery` the pipeline from planning to the relay, `service` a day of `digestd up`. Papers and
subscribers come from `synthetic_data`, mails go to `smtp_sink`.
"""
