"""Settings: what is refused, with the line that mends it; and where they are read from."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.core.config import ConfigError, Settings, load_settings
from app.main import create_app

KEY = "0123456789-abcdefghij-KLMNOPQRSTU"
OTHER_KEY = "vwxyzabcde-0987654321-KLMNOPQRSTU"
PRODUCTION = {"ENVIRONMENT": "production", "SECRET_KEYS": KEY, "PUBLIC_URL": "https://accounts.example.com"}
ORIGIN_FORM = "must be http://host[:port] or https://host[:port]"
URL_FORM = "must start with sqlite+aiosqlite:// or postgresql+asyncpg://"

WRONG: list[tuple[str, str, str]] = [
    # name, value, what mends it
    ("PORT", "eighty", "valid integer"),
    ("PORT", "65536", "less than or equal to 65535"),
    ("ENVIRONMENT", "prod", "'local' or 'production'"),
    ("PUBLIC_URL", "accounts.example.com", ORIGIN_FORM),
    ("PUBLIC_URL", "https://accounts.example.com/gatepost", ORIGIN_FORM),
    ("PUBLIC_URL", "ftp://accounts.example.com", ORIGIN_FORM),
    ("PUBLIC_URL", "https://user:hunter2@accounts.example.com", ORIGIN_FORM),
    ("PUBLIC_URL", "https://:hunter2@accounts.example.com", ORIGIN_FORM),
    ("PUBLIC_URL", "https://", ORIGIN_FORM),
    ("PUBLIC_URL", "https://[::1", ORIGIN_FORM),
    ("PUBLIC_URL", "https://host:port", ORIGIN_FORM),
    ("ALLOWED_ORIGINS", "*", "* is no origin"),
    ("ALLOWED_ORIGINS", "https://*.example.com", "* is no origin"),
    ("ALLOWED_ORIGINS", "null", ORIGIN_FORM),
    ("ALLOWED_ORIGINS", "https://app.example.com?x=1", ORIGIN_FORM),
    ("ALLOWED_ORIGINS", "https://app.example.com,https://two words.example", ORIGIN_FORM),
    ("ALLOWED_ORIGINS", "https://bücher.example", "xn--"),
    ("TRUSTED_PROXIES", "*", "such as 10.0.0.0/8"),
    ("TRUSTED_PROXIES", "proxy.example.com", "such as 10.0.0.0/8"),
    ("TRUSTED_PROXIES", "0.0.0.0/0", "name the proxies"),
    ("TRUSTED_PROXIES", "10.0.0.1,::/0", "name the proxies"),
    ("DATABASE_URL", "gatepost.db", "sqlite+aiosqlite:///path or postgresql+asyncpg://"),
    ("DATABASE_URL", "postgres://user:hunter2@db/gatepost", URL_FORM),
    ("DATABASE_URL", "sqlite:///gatepost.db", URL_FORM),
    ("DATABASE_URL", "sqlite+aiosqlite://", "must name a file"),
    ("DATABASE_URL", "postgresql+asyncpg://ada:hunter2@127.0.0.1", "must end in /name"),
    ("DATABASE_URL", "postgresql+asyncpg://ada:hunter2@127.0.0.1/gatepost?sslmode=require", "?ssl=require"),
    ("DATABASE_POOL", "1", "greater than or equal to 2"),
    ("DATABASE_URL", "sqlite+aiosqlite:///:memory:", "must name a file"),
    ("MAIL_URL", "data/mail", "must be smtp://"),
    ("MAIL_URL", "file:", "must be smtp://"),
    ("MAIL_URL", "file://data/mail", "must be smtp://"),  # that is the host `data`, and a folder at the root
    ("MAIL_URL", "console://hunter2", "must be smtp://"),
    ("MAIL_URL", "smtp:", "must be smtp://"),
    ("MAIL_URL", "smtp://", "must be smtp://"),
    ("MAIL_URL", "https://mail.example.com", "must be smtp://"),
    ("MAIL_URL", "smtp://user:hunter2/x@mail.example.com", "percent-encoded"),  # the host `user`, the port `hunter2`
    ("MAIL_URL", "smtp://user:hunter2#x@mail.example.com", "percent-encoded"),
    ("MAIL_URL", "smtp://user:hunter2%00@mail.example.com", "percent-encoded"),
    ("MAIL_URL", "smtp://user@mail.example.com", "smtp://user:password@host"),
    ("MAIL_URL", "smtp://:hunter2@mail.example.com", "smtp://user:password@host"),
    ("MAIL_URL", "smtps://user:hunter2@mail.example.com/path", "must be smtp://"),
    ("MAIL_URL", "smtps://user:hunter2@mail.example.com?tls=no", "must be smtp://"),
    ("MAIL_URL", "smtps://user:hunter2@mail.example.com:0", "must be smtp://"),
    ("MAIL_URL", "smtps://user:hunter2@mail.example.com:65536", "must be smtp://"),
    ("MAIL_URL", "smtps://user:hunter2@[::1", "must be smtp://"),
    ("MAIL_URL", "smtp://user:hunter2@bücher.example", "must be smtp://"),
    ("MAIL_URL", "smtp://user:hunter2\u2100@mail.example.com", "must be smtp://"),  # urlsplit takes it for a/c, loudly
    ("MAIL_FROM", "jürgen@example.com", "one mailbox"),
    ("MAIL_FROM", "nobody", "one mailbox"),
    ("SERVICE_NAME", "x" * 65, "at most 64"),
    ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ("SECRET_KEYS", "hunter2", "at least 32 characters"),
    ("SECRET_KEYS", f"{KEY},hunter2", "at least 32 characters"),
    ("LIMITS", "maybe", "'on' or 'off'"),
    ("BODY_LIMIT", "1023", "greater than or equal to 1024"),
    ("REQUEST_TIMEOUT", "0", "greater than 0"),
    ("SIGN_UP_PRIVACY", "yes", "'auto', 'reveal' or 'hide'"),
    ("SIGN_IN_REQUIRES_VERIFIED_EMAIL", "perhaps", "valid boolean"),
    ("PASSWORD_MIN_LENGTH", "7", "greater than or equal to 8"),
    ("PASSWORD_THREADS", "-1", "greater than or equal to 0"),
    ("PASSWORD_QUEUE", "0", "greater than or equal to 1"),
    ("SESSION_IDLE", "2592001", "must not exceed SESSION_ABSOLUTE"),
    ("SESSION_ABSOLUTE", "-1", "greater than 0"),
    ("SESSION_MIN_REFRESH", "5m", "valid integer"),
    ("SESSION_QUOTA", "0", "greater than or equal to 1"),
    ("TOKEN_PREFIX", "GP-", "pattern"),
    ("TOKEN_PREFIX", "gp_\n", "pattern"),
    ("TOKEN_DEFAULT_DAYS", "367", "must not exceed TOKEN_MAX_DAYS"),
    ("TOKEN_MAX_DAYS", "3661", "less than or equal to 3660"),
    ("TOKEN_QUOTA", "0", "greater than or equal to 1"),
    ("WORKERS", "0", "greater than or equal to 1"),
]

UNSAFE: list[tuple[dict[str, str], str]] = [
    # what is set on top of PRODUCTION, the line
    ({"SECRET_KEYS": ""}, "SECRET_KEYS: required"),
    ({"SECRET_KEYS": "short"}, "SECRET_KEYS: each key needs at least 32 characters"),
    ({"SECRET_KEYS": "abc" * 16}, "SECRET_KEYS: a key with so few different characters can be guessed"),
    ({"PUBLIC_URL": ""}, "PUBLIC_URL: required in production, e.g. PUBLIC_URL=https://"),
    ({"PUBLIC_URL": "http://accounts.example.com"}, "PUBLIC_URL: must be https in production"),
    ({"MAIL_URL": "console:"}, "MAIL_URL: console: prints codes; name a server, e.g. MAIL_URL=smtps://"),
    ({"LIMITS": "off"}, "LIMITS: must be on in production. LIMITS=on"),
    ({"WORKERS": "2"}, "LIMITS_URL: required with more than one of WORKERS"),
]


@pytest.mark.parametrize(("name", "value", "mends"), WRONG)
def test_a_wrong_value(name: str, value: str, mends: str, environment: "Environment") -> None:
    environment(**{name: value})
    (line,) = problems()
    assert line.startswith(f"{name}: ")
    assert mends in line
    assert "hunter2" not in line


@pytest.mark.parametrize(("changes", "expected"), UNSAFE)
def test_what_production_refuses(changes: dict[str, str], expected: str, environment: "Environment") -> None:
    environment(**{**PRODUCTION, **changes})
    assert any(line.startswith(expected) for line in problems())


def test_what_production_accepts(environment: "Environment") -> None:
    environment(**PRODUCTION)
    assert load_settings().https


def test_several_processes_that_count_together(environment: "Environment") -> None:
    environment(**PRODUCTION, WORKERS="4", LIMITS_URL="valkey://store")
    assert load_settings().workers == 4


def test_each_process_needs_a_port_for_its_metrics(environment: "Environment") -> None:
    environment(WORKERS="2", METRICS="on", METRICS_PORT="65535")
    (line,) = problems()
    assert line.startswith("METRICS_PORT: ")
    environment(METRICS_PORT="65534")
    assert load_settings().metrics_port == 65534


def test_what_is_given_comes_before_the_environment_and_the_file(tmp_path: Path, environment: "Environment") -> None:
    (tmp_path / ".env").write_text("WORKERS=3\n")
    environment(**PRODUCTION, WORKERS="2")
    assert load_settings(workers=1).workers == 1
    with pytest.raises(ConfigError, match="LIMITS_URL: required"):
        load_settings()


def test_all_problems_at_once(environment: "Environment", tmp_path: Path) -> None:
    environment(ENVIRONMENT="production", LIMITS="off", PORT="eighty", ALLOWED_ORIGINS="https://ok.example,*")
    (tmp_path / ".env").write_text("PUBLIC_URI=https://accounts.example.com\nTOKEN_QUOTA=0\n")
    assert sorted(line.partition(":")[0] for line in problems()) == [
        "ALLOWED_ORIGINS",
        "LIMITS",
        "PORT",
        "PUBLIC_URI",
        "PUBLIC_URL",
        "SECRET_KEYS",
        "TOKEN_QUOTA",
    ]


def test_a_misspelt_name_in_the_file_is_told(tmp_path: Path, environment: "Environment") -> None:
    (tmp_path / ".env").write_text(f"SECRET_KEY={KEY}\n")
    assert problems() == ["SECRET_KEY: no such setting; .env.example lists them all."]


def test_the_environment_wins_over_the_file(tmp_path: Path, environment: "Environment") -> None:
    (tmp_path / ".env").write_text("PORT=8001\nSERVICE_NAME=Fileland\n")
    environment(PORT="8002", service_name="")  # an empty one counts as absent
    settings = load_settings()
    assert (settings.port, settings.service_name) == (8002, "Fileland")


def test_settings_by_themselves_read_nothing(tmp_path: Path, environment: "Environment") -> None:
    (tmp_path / ".env").write_text("PORT=8001\n")
    environment(PORT="8002", SECRET_KEYS=KEY)
    assert Settings() == Settings(port=8000, secret_keys=())


def test_lists_are_comma_separated(environment: "Environment") -> None:
    environment(
        SECRET_KEYS=f" {KEY} , {OTHER_KEY},",
        ALLOWED_ORIGINS="HTTPS://App.Example.com:443/, http://localhost:3000,http://[::1]:80",
        TRUSTED_PROXIES="10.1.2.3/8,::1",
    )
    settings = load_settings()
    assert settings.keys == (KEY, OTHER_KEY)
    assert settings.allowed_origins == ("https://app.example.com", "http://localhost:3000", "http://[::1]")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128")


def test_the_public_url_is_by_default_this_machine(environment: "Environment") -> None:
    environment(PORT="8123")
    settings = load_settings()
    assert (settings.origin, settings.https) == ("http://127.0.0.1:8123", False)
    assert Settings(public_url="https://A.example/").origin == "https://a.example"


@pytest.mark.parametrize(
    ("settings", "file"),
    [
        (Settings(), "data/secret.key"),
        (Settings(secret_keys=(SecretStr(KEY),)), None),
        (Settings(environment="production"), None),
        (Settings(database_url="postgresql+asyncpg://db/gatepost"), None),
    ],
)
def test_where_a_key_of_this_machine_is_kept(settings: Settings, file: str | None) -> None:
    assert settings.local_secret_file == (Path(file) if file else None)


@pytest.mark.parametrize("environment_name", ["local", "production"])
def test_on_a_database_server_keys_are_required(environment_name: str, environment: "Environment") -> None:
    """Another process would sign with another one."""
    environment(ENVIRONMENT=environment_name, DATABASE_URL="postgresql+asyncpg://db/gatepost")
    assert any(line.startswith("SECRET_KEYS: required here") for line in problems())


def test_no_application_without_keys(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/gatepost.db")
    with pytest.raises(ConfigError, match="SECRET_KEYS: required"):
        create_app(settings)
    with pytest.raises(ConfigError, match="LIMITS: must be on"):
        create_app(settings.model_copy(update={"environment": "production", "limits": "off"}))


@pytest.mark.parametrize(
    "secret",
    [
        {"secret_keys": (SecretStr("hunter2-" + KEY),)},
        {"database_url": "postgresql+asyncpg://user:hunter2@db/gatepost"},
        {"mail_url": "file:///hunter2"},
        {"limits_url": "valkey://:hunter2@store"},
    ],
)
def test_secrets_are_not_shown(secret: dict[str, object]) -> None:
    settings = Settings.model_validate(secret)
    for shown in (repr(settings), str(settings), f"{settings}", repr(settings.model_dump()["secret_keys"])):
        assert "hunter2" not in shown


@pytest.mark.parametrize("field", Settings.model_fields)
def test_values_are_not_repeated_by_errors(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({field: ["hunter2"], "nosuch": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().limits = "off"  # type: ignore[misc]


def problems() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


Environment = Callable[..., None]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An empty folder to start in, and a way to set variables."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def set_variables(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_variables
