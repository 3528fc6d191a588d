"""What an account's life needs: a waiting address, failures in a row, warnings, and indexes to clear out by age.

The indexes may have been made before, by hand and without holding up writes (docs/operations.md).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("pending_address", sa.String(254), nullable=True))
    op.add_column("accounts", sa.Column("failed_attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("tokens", sa.Column("warned_days", sa.Integer(), nullable=True))
    op.create_index("ix_mail_outbox_delivered_at", "mail_outbox", ["delivered_at"], if_not_exists=True)
    op.create_index("ix_security_events_occurred_at", "security_events", ["occurred_at"], if_not_exists=True)
    op.create_index("ix_sessions_idle_ends_at", "sessions", ["idle_ends_at"], if_not_exists=True)
    op.create_index("ix_tokens_expires_at", "tokens", ["expires_at"], if_not_exists=True)
    op.create_index("ix_verifications_address", "verifications", ["address", "purpose"], if_not_exists=True)
    op.create_index("ix_verifications_expires_at", "verifications", ["expires_at"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_verifications_expires_at", table_name="verifications")
    op.drop_index("ix_verifications_address", table_name="verifications")
    op.drop_index("ix_tokens_expires_at", table_name="tokens")
    op.drop_index("ix_sessions_idle_ends_at", table_name="sessions")
    op.drop_index("ix_security_events_occurred_at", table_name="security_events")
    op.drop_index("ix_mail_outbox_delivered_at", table_name="mail_outbox")
    op.drop_column("tokens", "warned_days")
    op.drop_column("accounts", "failed_attempts")
    op.drop_column("accounts", "pending_address")
