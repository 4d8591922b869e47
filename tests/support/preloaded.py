"""What a fork server loads before its first process: the code of all commands, and the compiled templates."""

import psycopg  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401

import digestd.jobs.children
import digestd.web  # noqa: F401
import tests.support.install  # noqa: F401
from digestd import resources
from digestd.mail.templates import Templates

Templates.of(resources.templates()).check()
