"""The command line. Each command is a function in the file named for what it is about."""

import typer

from app.cli import backup, health, migrate, operate, purge, serve

app = typer.Typer(
    help="Accounts, sessions and tokens over Connect, gRPC-Web and gRPC.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # Typer's own tracebacks may show local variables, and with them keys
)
app.command()(serve.serve)
app.command()(migrate.migrate)
app.command()(backup.backup)
app.command()(health.health)
app.command()(purge.purge)
app.add_typer(operate.account, name="account")
app.add_typer(operate.token, name="token")


def main() -> None:
    app()
