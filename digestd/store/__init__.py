"""The only place that sees the database: rows, one module per aggregate, migrations.

Instants are kept as whole microseconds since 1970 UTC (`…_us`), the same on SQLite and
PostgreSQL; `instants` converts at the edge.
"""
