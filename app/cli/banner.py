"""What `gatepost serve` says once it is up."""

from pathlib import Path

from app import console
from app.core.config import Settings


def banner(settings: Settings, key_file: Path | None) -> str:
    data = settings.database_file.absolute() if settings.database_file else "the server that DATABASE_URL names"
    protocols = "Connect, gRPC-Web and gRPC" if settings.http2 == "on" else "Connect and gRPC-Web"
    lines = [
        f"{settings.service_name} serves {protocols} at {settings.origin}   (Ctrl-C stops it)",
        *_console(settings),
        f"  data     {data}",
        f"  mail     {_mail(settings)}",
    ]
    if key_file:
        lines.append(f"  secret   {key_file.absolute()}, made for this machine; SECRET_KEYS takes its place")
    if settings.limits == "off":
        lines.append("  limits   OFF: passwords can be guessed without end")
    if settings.workers > 1:
        lines.append(f"  workers  {settings.workers} processes{_counting(settings)}")
    if settings.metrics == "on":
        others = f" and on, one port for each of {settings.workers} processes" if settings.workers > 1 else ""
        lines.append(f"  metrics  http://127.0.0.1:{settings.metrics_port}/metrics{others}, for this machine alone")
    ping = f"{settings.origin}/test.v1.TestNoAuthService/Ping"
    lines.append(f"  try      curl {ping} -H 'Content-Type: application/json' -d '{{}}'")
    return "\n".join(lines)


def _console(settings: Settings) -> list[str]:
    if settings.console == "off":
        return []
    there = f"{settings.origin}/"
    return [
        f"  console  {there if console.is_built() else 'none: app/console/assets is empty; make console builds it'}"
    ]


def _counting(settings: Settings) -> str:
    apart = settings.limits == "on" and not settings.limits_url
    return "; each counts guesses by itself until LIMITS_URL lets them count together" if apart else ""


def _mail(settings: Settings) -> str:
    if settings.mail_server:
        return f"goes to {settings.mail_server}"
    return f"{settings.mail_folder.absolute()}, one .eml file each" if settings.mail_folder else "printed here"
