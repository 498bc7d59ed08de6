"""What the gate writes on GitHub: a step's summary and one comment, neither too long, and never a reason to fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci.on_github import COMMENT_UNITS, STEP_BYTES, cut
from tests.suite_run import ROOT

MARKER = "<!-- demeanour gate: gate -->"
GH = '''#!{python}
import json, pathlib, sys
folder, arguments = pathlib.Path("{folder}"), sys.argv[1:]
answer = json.loads((folder / "answer.json").read_text())
body = "" if "--paginate" in arguments else sys.stdin.read()
with (folder / "asked.jsonl").open("a") as file:
    file.write(json.dumps([arguments, body]) + "\\n")
print(answer["error"], file=sys.stderr)
if "--paginate" in arguments:
    print("\\n".join(json.dumps([one["id"], one["body"][:200]]) for one in answer["comments"]
                    if one["type"] == "Bot" and 'select(.user.type == "Bot")' in arguments[-1]))
sys.exit(1 if answer["error"] else 0)
'''


def on_github(folder: Path, command: str, outcome: str = "blocked", **changes: str) -> str:
    """Run it where ``gh`` answers as ``answer.json`` says; returns what it printed."""
    (folder / "bin").mkdir(exist_ok=True)
    gh = folder / "bin" / "gh"
    if changes.pop("gh", ""):
        gh.write_text(GH.format(python=sys.executable, folder=folder))
        gh.chmod(0o755)
    given = {
        "PATH": str(folder / "bin"), "PULL_REQUEST": "7", "GITHUB_REPOSITORY": "team/models", "GITHUB_RUN_ID": "42",
        "GITHUB_SERVER_URL": "https://github.com", "GITHUB_STEP_SUMMARY": str(folder / "step.md"), "HEAD": "c0ffee" * 6,
        "REPORT_URL": "https://github.com/artifact", **changes,
    }  # fmt: skip
    gate = ["gate"] if command == "comment" else []
    done = subprocess.run(
        [sys.executable, str(ROOT / "ci" / "on_github.py"), command, str(folder / "summary.md"), outcome, *gate],
        env={key: value for key, value in {**os.environ, **given}.items() if not key.startswith("PYTHON")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr   # the gate decides what fails
    return done.stdout


def commented(folder: Path, *comments: dict[str, Any], error: str = "", page: str = "# Blocked\n") -> list[Any]:
    """What ``gh`` was asked to write where these comments were there."""
    (folder / "answer.json").write_text(json.dumps({"comments": comments, "error": error}))
    (folder / "summary.md").write_text(page, encoding="utf-8")
    on_github(folder, "comment", gh="pretended")
    asked = [json.loads(line) for line in (folder / "asked.jsonl").read_text().splitlines()]
    return [[arguments, json.loads(body)["body"]] for arguments, body in asked if body]


def test_the_first_comment_is_written_and_tells_where_it_comes_from(tmp_path: Path) -> None:
    (arguments, body), = commented(tmp_path, {"id": 1, "type": "Bot", "body": "another bot's"})
    assert arguments[:4] == ["api", "--method", "POST", "repos/team/models/issues/7/comments"]
    assert body.startswith(f"{MARKER}\n# Blocked\n")
    assert "[The run](https://github.com/team/models/actions/runs/42) of `c0ffeec0ffee`" in body
    assert "(https://github.com/artifact)" in body


def test_the_gate_s_own_comment_is_brought_up_to_date(tmp_path: Path) -> None:
    other = {"id": 2, "type": "Bot", "body": "<!-- demeanour gate: gate-2 -->\nanother gate's"}
    own = {"id": 3, "type": "Bot", "body": f"{MARKER}\r\nof yesterday"}
    (arguments, _), = commented(tmp_path, other, own)
    assert arguments[:4] == ["api", "--method", "PATCH", "repos/team/models/issues/comments/3"]


def test_a_person_s_comment_is_never_overwritten(tmp_path: Path) -> None:
    quoted = {"id": 4, "type": "Bot", "body": f"look:\n{MARKER}\n"}
    (arguments, _), = commented(tmp_path, {"id": 3, "type": "User", "body": f"{MARKER}\nmine"}, quoted)
    assert arguments[2] == "POST"


@pytest.mark.parametrize(("error", "said"), [
    ("gh: Resource not accessible by integration (HTTP 403)", "as for a pull request from a fork"),
    ("gh: Server Error (HTTP 502)", "Server Error (HTTP 502)"),
])  # fmt: skip
def test_a_comment_that_cannot_be_written_is_said_and_fails_nothing(tmp_path: Path, error: str, said: str) -> None:
    (tmp_path / "answer.json").write_text(json.dumps({"comments": [], "error": error}))
    (tmp_path / "summary.md").write_text("# Released\n")
    printed = on_github(tmp_path, "comment", gh="pretended")
    assert printed.startswith("::warning title=No comment::")
    assert said in printed
    assert said in (tmp_path / "step.md").read_text()


def test_without_the_command_or_a_pull_request_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("# Released\n")
    assert "`gh` did not answer" in on_github(tmp_path, "comment")
    assert on_github(tmp_path, "comment", PULL_REQUEST="") == "no pull request, no comment\n"


def test_a_run_without_a_report_says_so_and_shows_no_older_one(tmp_path: Path) -> None:
    on_github(tmp_path, "summary", "broken")
    assert (tmp_path / "step.md").read_text().startswith("# Gate: broken\n")
    (tmp_path / "summary.md").write_text("# Released\n")
    on_github(tmp_path, "summary", "not-run")
    assert "Released" not in (tmp_path / "step.md").read_text()


ROW = "| – é 𝛼 | `gate.accuracy` | −0.15 |\n"
LONG = f"# Blocked\n\n<details><summary>All</summary>\n\n{ROW * 60_000}</details>\n"


def test_a_long_page_is_cut_for_the_comment_and_for_the_step(tmp_path: Path) -> None:
    (_, body), = commented(tmp_path, page=LONG)
    assert COMMENT_UNITS - 100 < len(body.encode("utf-16-le")) // 2 <= COMMENT_UNITS
    assert "Cut here" in body
    assert body.index("</details>") < body.index("Cut here") < body.index("[The run]")
    (tmp_path / "step.md").write_text("what stood there before\n")
    on_github(tmp_path, "summary")
    step = (tmp_path / "step.md").read_bytes()
    assert STEP_BYTES - 100 < len(step) <= STEP_BYTES
    assert step.decode().startswith("what stood there before\n# Blocked\n")


@pytest.mark.parametrize("limit", range(30, 130))
def test_a_cut_page_is_never_too_long_and_leaves_nothing_open(limit: int) -> None:
    nested = "<details>\n<details>\ninner\n</details>\n```\n<details> as text\n```\nmore\n</details>\n"
    text = f"a line\n{nested}the end, 𝛼\n"
    found = cut(text, limit, "utf-8", "Cut.")
    assert len(found.encode()) <= limit
    if len(text.encode()) <= limit:
        assert found == text
        return
    assert found.endswith("> Cut.\n")
    assert found.count("```") % 2 == 0
    outside = found.replace("<details> as text", "")
    assert outside.count("<details>") == outside.count("</details>")
    assert len(cut(text, limit + 1, "utf-8", "Cut.").encode()) >= len(found.encode()) or limit + 1 >= len(text.encode())
