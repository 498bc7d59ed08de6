"""What only GitHub has: a step's summary, one comment on a pull request, and a name for what the cache holds.

Called by ``action.yml``, with the standard library alone: it also says what happened where nothing was installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

STEP_BYTES = 1 << 20   # of one step's summary; GitHub shows nothing of a longer one
COMMENT_UNITS = 65_536   # of a comment's text, counted as UTF-16 so that it is too long by no way of counting
NOT_RUN = "not-run"   # the outcome where a step before the gate failed
NO_PART = (".lock", ".part")
NO_EVIDENCE = ("runs", "locks")   # folders of what lasts as long as a run


class CommentError(Exception):
    """The comment could not be written."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("summary", "comment"):
        one = commands.add_parser(name)
        one.add_argument("page", type=Path, help="summary.md of the run")
        one.add_argument("outcome", help="in a word")
        if name == "comment":
            one.add_argument("gate", help="its name: each has a comment of its own")
    commands.add_parser("fingerprint").add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "fingerprint":
        print(fingerprint(options.folder))
    elif options.command == "summary":
        to_step(page(options.page, options.outcome))
    else:
        comment(page(options.page, options.outcome), options.gate)
    return 0


def page(path: Path, outcome: str) -> str:
    """The run's own page, or what there is to say without one; what lies there from another run is not this one's."""
    if outcome != NOT_RUN and path.is_file():
        return path.read_text(encoding="utf-8")
    return f"# Gate: {outcome}\n\nThe job ended before there was a report; its log says why.\n"


def fingerprint(folder: Path) -> str:
    """A name for the content of a folder of evidence, empty where there is none.

    Files are named by what they hold, or written anew with another size.
    """
    root = folder.expanduser()
    found = sorted(
        (str(path.relative_to(root)), path.stat().st_size) for path in root.rglob("*")
        if path.is_file() and path.suffix not in NO_PART and path.relative_to(root).parts[0] not in NO_EVIDENCE
    )  # fmt: skip
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16] if found else ""


def cut(text: str, limit: int, encoding: str, note: str) -> str:
    """A page of Markdown that is not too long: whole lines, then a note; what is open at the cut is closed.

    Args:
        text: The page.
        limit: How long it may be.
        encoding: In which its length counts: ``utf-8`` in bytes, ``utf-16-le`` in units of two.
        note: What stands where the rest was.
    """
    def length(part: str) -> int:
        return len(part.encode(encoding)) // (2 if encoding == "utf-16-le" else 1)

    if length(text) <= limit:
        return text
    kept, end = 0, f"\n> {note}\n"
    for lines, spent, closing in _prefixes(text, length):
        if spent + length(closing + end) <= limit:
            kept, tail = lines, closing + end
    return "".join([*text.splitlines(keepends=True)[:kept], tail]) if kept else end


def _prefixes(text: str, length: Callable[[str], int]) -> Iterator[tuple[int, int, str]]:
    """How many lines, how long they are, and what would close them."""
    spent, folded, fence = 0, 0, False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        spent += length(line)
        if line.startswith("```"):
            fence = not fence
        elif not fence:
            folded += line.count("<details") - line.count("</details>")
        yield number, spent, ("```\n" if fence else "") + "\n</details>\n" * max(folded, 0)


def to_step(text: str) -> None:
    """Append a page to the step's summary."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        print(text)
        return
    file = Path(path)
    left = STEP_BYTES - (file.stat().st_size if file.exists() else 0)
    note = "Cut here: GitHub shows one megabyte. The whole page is `summary.html` in the run's artifact."
    with file.open("a", encoding="utf-8") as stream:
        stream.write(cut(text, left, "utf-8", note))


def comment(text: str, gate: str) -> None:
    """Write the gate's comment on the pull request, or bring it up to date; a comment never fails the job."""
    number, repository = os.environ.get("PULL_REQUEST", ""), os.environ.get("GITHUB_REPOSITORY", "")
    if not number:
        print("no pull request, no comment")
        return
    marker = f"<!-- demeanour gate: {gate} -->\n"
    links = _links(repository)
    note = "Cut here: a comment holds 65,536 characters. The run's summary and report have the rest."
    room = COMMENT_UNITS - len(marker) - len(links)
    try:
        _write(repository, number, marker, marker + cut(text, room, "utf-16-le", note) + links)
    except CommentError as error:
        said = f"The pull request has no new comment from the gate '{gate}': {error}"
        print(f"::warning title=No comment::{_escaped(said)}")
        to_step(f"> {said}\n")


def _links(repository: str) -> str:
    """Where the comment comes from: the run, the commit that it was of, and the report."""
    run = f"{os.environ.get('GITHUB_SERVER_URL', '')}/{repository}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
    head, report = os.environ.get("HEAD", "")[:12], os.environ.get("REPORT_URL", "")
    told = [f"[The run]({run})" + (f" of `{head}`" if head else "")]
    told += [f"[its report, with images]({report})"] if report else []
    return f"\n{' · '.join(told)}\n"


def _write(repository: str, number: str, marker: str, body: str) -> None:
    # of bots alone: a person's comment that begins like ours must not be overwritten
    told = _gh("--paginate", f"repos/{repository}/issues/{number}/comments?per_page=100",
               "--jq", '.[] | select(.user.type == "Bot") | [.id, .body[:200]] | @json')  # fmt: skip
    found = [json.loads(line) for line in told.splitlines() if line.strip()]
    own = [key for key, start in found if start.replace("\r\n", "\n").startswith(marker)]
    where = f"issues/comments/{own[0]}" if own else f"issues/{number}/comments"
    method = "PATCH" if own else "POST"
    _gh("--method", method, f"repos/{repository}/{where}", "--input", "-", "--silent", body=json.dumps({"body": body}))
    print(f"the comment was {'brought up to date' if own else 'written'}")


def _gh(*arguments: str, body: str = "") -> str:
    """What GitHub's own command says.

    Raises:
        CommentError: It is not there, or GitHub refused.
    """
    environment, host = dict(os.environ), urlsplit(os.environ.get("GITHUB_SERVER_URL", "")).netloc
    if host not in ("", "github.com"):
        environment |= {"GH_HOST": host, "GH_ENTERPRISE_TOKEN": environment.get("GH_TOKEN", "")}
    try:
        done = subprocess.run(   # noqa: S603
            ["gh", "api", *arguments], input=body, capture_output=True, encoding="utf-8", env=environment,   # noqa: S607
            timeout=120, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommentError(f"GitHub's command `gh` did not answer ({error})") from error
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.split())
    if "HTTP 403" in said or "not accessible by integration" in said:
        raise CommentError(
            "the job's token may not write one, as for a pull request from a fork, or without "
            "`permissions: pull-requests: write`; the run's summary says the same as the comment would"
        )
    raise CommentError(said[-300:] or f"`gh` ended with {done.returncode}")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


if __name__ == "__main__":
    sys.exit(main())
