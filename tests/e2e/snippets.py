"""The code in a Markdown page: what it holds, and running its shell lines in order, in one shell."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.server import clean_environment

_FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?:#|//) (\S+\.\w+)\n")


@dataclass(frozen=True, slots=True)
class Snippet:
    language: str
    text: str
    line: int
    answer: str | None
    """The `text` block right behind it: what it prints, with … for any text."""

    @property
    def file_name(self) -> str | None:
        """Where the reader is to save it, which its first line says in a comment."""
        named = _NAMED.match(self.text)
        return named[1] if named else None


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int | None
    """None if a snippet before it failed."""
    stdout: str
    stderr: str


def snippets_of(page: Path, changes: Mapping[str, str] | None = None) -> list[Snippet]:
    """All blocks but the answers, with strings replaced as `changes` says."""
    source = page.read_text()
    for old, new in (changes or {}).items():
        source = source.replace(old, new)
    found: list[Snippet] = []
    end = 0
    for fenced in _FENCED.finditer(source):
        indent, language, text = fenced.groups()
        text = re.sub(f"^{indent}", "", text, flags=re.MULTILINE)
        line = source.count("\n", 0, fenced.start()) + 1
        if language == "text" and found and not source[end : fenced.start()].strip():
            found[-1] = Snippet(found[-1].language, found[-1].text, found[-1].line, text)
        else:
            found.append(Snippet(language, text, line, None))
        end = fenced.end()
    return found


def run_in_order(
    snippets: Sequence[Snippet], folder: Path, environment: Mapping[str, str] | None = None
) -> list[Outcome]:
    """Save the files among the snippets, then run the others in one shell, which keeps what they set.

    A snippet that fails ends the run. What they leave in the background is stopped.
    """
    script = ["set -e"]
    for snippet in snippets:
        name = folder / (snippet.file_name or f"{snippet.line}.sh")
        name.write_text(snippet.text)
        if not snippet.file_name:
            script.append(f". ./{name.name} >{snippet.line}.out 2>{snippet.line}.err; touch {snippet.line}.done")
    with (folder / "shell.err").open("wb") as errors:
        env = {**clean_environment(folder), **(environment or {})}
        shell = subprocess.Popen(
            ["sh", "-c", "\n".join(script)], cwd=folder, env=env, stderr=errors, start_new_session=True
        )
    try:
        shell.wait(90)
    finally:
        with suppress(ProcessLookupError):  # nothing is left
            os.killpg(shell.pid, signal.SIGKILL)
    return [_outcome(snippet, folder) for snippet in snippets]


def answers(printed: str, expected: str) -> bool:
    """Whether it is what the page says, with … for any text. White space does not count: pages break long lines."""
    parts = [re.escape("".join(part.split())) for part in expected.split("…")]
    return re.fullmatch(".*".join(parts), "".join(printed.split())) is not None


def _outcome(snippet: Snippet, folder: Path) -> Outcome:
    if snippet.file_name:
        return Outcome(0, "", "")
    stdout, stderr = ((folder / f"{snippet.line}.{stream}") for stream in ("out", "err"))
    if not stdout.exists():
        return Outcome(None, "", "")
    status = 0 if (folder / f"{snippet.line}.done").exists() else 1
    return Outcome(status, stdout.read_text(errors="replace"), stderr.read_text(errors="replace"))
