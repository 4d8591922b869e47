"""Long-running processes: what runs when.

`scheduler` ticks and starts ingest, planning and upkeep; `worker` delivers what is ready; `receiver` accepts bounces
and commands by mail. What is due is in the database, so a missed or repeated tick does no harm.
Jobs call the packages below through `app`; they know nothing about pages or the command line.
"""
