"""The command line. Each command is a function in the file named for what it is about."""

import typer

from app.cli.serve import migrate, serve

# Typer's own tracebacks show local variables, and with them keys.
app = typer.Typer(
    help="Accounts, sessions and tokens over Connect, gRPC-Web and gRPC.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (serve, migrate):
    app.command()(command)


def main() -> None:
    app()
