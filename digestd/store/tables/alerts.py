"""What the operator was told."""

from sqlmodel import Field, SQLModel


class AlertStateRow(SQLModel, table=True):
    """An event that is told again only when there are more; see digestd.store.alert_state."""

    __tablename__ = "told"
    __table_args__ = ({"sqlite_with_rowid": False},)
    event: str = Field(primary_key=True, max_length=40)
    known: int
