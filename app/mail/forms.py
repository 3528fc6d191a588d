"""The two forms of a mail, from one template: its block `subject`, and its block `body`, paragraphs with blank lines.

The same body is filled in twice, so text and HTML cannot say different things. In HTML every value is escaped, and a
value, being one line, cannot begin a paragraph.
"""

import re
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_BUTTON = Markup(
    '<a href="{}" style="display: inline-block; padding: .5em 1em; border: 1px solid; border-radius: .4em">{}</a>'
)


class PlainText:
    """A link is its address; nothing is set off."""

    def __init__(self, origin: str) -> None:
        self._templates = _environment(autoescape=False)
        self._templates.globals |= {"link": lambda _, *page, **told: _address(origin, *page, **told), "strong": str}

    def block(self, template: str, name: str, values: dict[str, str]) -> str:
        return _block(self._templates, template, name, values)


class Html:
    """A link is a button."""

    def __init__(self, origin: str) -> None:
        self._templates = _environment(autoescape=True)
        self._templates.globals |= {
            "link": lambda label, *page, **told: _BUTTON.format(_address(origin, *page, **told), label),
            "strong": Markup("<strong>{}</strong>").format,
        }
        self._layout = self._templates.get_template("layout.html.j2")

    def page(self, template: str, subject: str, values: dict[str, str]) -> str:
        body = _block(self._templates, template, "body", values)
        paragraphs = [Markup(paragraph) for paragraph in re.split(r"\n\n+", body.strip())]  # noqa: S704 - escaped above
        return self._layout.render(subject=subject, paragraphs=paragraphs)


def _environment(*, autoescape: bool) -> Environment:
    templates = Environment(
        loader=PackageLoader("app.mail"),
        undefined=StrictUndefined,
        autoescape=autoescape,  # noqa: S701 - in plain text entities would show
        trim_blocks=True,
    )
    templates.filters["moment"] = _moment
    return templates


def _block(templates: Environment, template: str, name: str, values: dict[str, str]) -> str:
    found = templates.get_template(f"{template}.j2")
    return "".join(found.blocks[name](found.new_context(values)))


def _address(origin: str, page: str, **told: str) -> str:
    """A page of the console. What it is told stands in the fragment, which no browser sends: a program that opens links
    before the reader does uses up no code, and no proxy's log has one."""
    query = f"?{urlencode(told, quote_via=quote)}" if told else ""
    return f"{origin}/#/{page}{query}"


def _moment(value: str) -> str:
    # A value that is missing complains in str(), and names itself.
    return f"{datetime.fromisoformat(str(value)).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
