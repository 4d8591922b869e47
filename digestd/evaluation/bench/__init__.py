"""Throughput benchmarks on a temporary database, run by `digestd bench`.

`ranking` measures ranking, `delivery` the pipeline from planning to the relay. Papers and subscribers come from
`synthetic_data`, mails go to `smtp_sink`.
"""
