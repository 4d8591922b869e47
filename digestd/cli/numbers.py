"""Numbers that a person types."""

from typing import Annotated

import typer

from digestd.domain.typed import NUMBER_MAX

Number = Annotated[int, typer.Argument(metavar="NUMBER", max=NUMBER_MAX)]
Newest = Annotated[int, typer.Option("--limit", min=1, max=NUMBER_MAX, help="At most so many, newest first.")]
