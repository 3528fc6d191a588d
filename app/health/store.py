"""The read that tells whether the database answers: it fails without a connection, and without a schema."""

from sqlalchemy import column, select, table

from app.core.points import PointRead

REVISION = PointRead(select(column("version_num")).select_from(table("alembic_version")))
