"""Long-running processes: what runs when.

What is due is in the database, so a missed or repeated tick does no harm. Two runners start the same work. The inline
one is a `scheduler` that ticks and a `worker` that delivers, in one process. With procrastinate, `tasks` are the jobs
and `engine` runs them on any number of machines. `children` runs their heavy work in processes of its own, and `chores`
is what both runners do alike. `receiver` accepts bounces and commands by mail.
Jobs call the packages below through `app`; they know nothing about pages or the command line.
"""
