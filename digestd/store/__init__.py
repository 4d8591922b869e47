"""The database: the only package that knows tables and SQL.

Entry points: `database.open_database` and `migrate.migrate`. Most other modules are named after what they store; their
functions take a session of the caller's transaction and domain values, and return frozen values. `papers` and `ranking`
are split by kind of row, `ledger` by step of a delivery. `monitoring` reads across them; `processes`, `rate_limits` and
`job_queue` coordinate processes. The store must not know who calls it: no HTTP, mail, templates, settings, clock or
randomness.

Tables are SQLModel classes (`tables`): one declaration gives types, defaults, checks and the metadata that Alembic
compares. All statements are SQLAlchemy Core on those tables (`core`), also for single rows: rows become frozen domain
values at once, so ORM objects with a unit of work, change tracking and lazy loading would cost time per row and allow
writes that no statement shows. The ledger depends on compare-and-set updates and their row counts, which Core says in
one statement. The hot paths of planning and delivery compile Core statements once (`bulk`).

The schema changes in two releases: expand (add), then contract (drop); see `migrate`. Instants are whole microseconds
since 1970 UTC in columns named `…_us`; `timestamps` converts.
"""
