"""The page of an evidence pack: what each file shows, and which criteria and controls ask for it. It needs nothing that
is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from bot.evidence.sections import ASKED, CHECKSUMS, RAW, SECTIONS, TABLES

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1d1f23}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}code{font:0.9em ui-monospace,monospace;word-break:break-all}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.45rem .6rem}
th,td{border-bottom:1px solid #d5d8dd}
th{background:#f2f4f7}.good{color:#0b6b34}.bad{color:#a11717}.small{color:#555b66;font-size:.9rem}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#e6e8eb}th{background:#22262c}
th,td{border-color:#383d46}.good{color:#63c58c}.bad{color:#ff8f8f}.small{color:#a4abb6}}
"""


_INTRODUCTION = (
    "Who may make, approve and delete snapshots of disks, and what they did. Days are UTC and whole. The tables are "
    "CSV in UTF-8; a cell that a spreadsheet would take for a formula begins with an apostrophe."
)


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts of a pack: its first and last day; the head of the trail, its problems, and its restores."""

    first_day: str
    last_day: str
    seq: int
    head: str
    problems: Sequence[str]
    restores: Sequence[str]
    counts: Mapping[str, int]


def page(summary: Summary) -> str:
    days = f"{escape(summary.first_day)} to {escape(summary.last_day)}"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
            '<meta name="viewport" content="width=device-width">',
            f"<title>Evidence, {days}</title><style>{_STYLE}</style></head><body>",
            f"<h1>Evidence of snapshot-bot, {days}</h1>",
            f"<p>{_INTRODUCTION}</p>",
            *_wholeness(summary),
            "<h2>Files</h2>",
            _table(("File", "Rows", "Shows", "SOC 2", "ISO/IEC 27001:2022"), _files(summary)),
            "<h2>By criterion and control</h2>",
            _table(("", "Asks for", "Files"), _asked()),
            *_checking(summary),
            "</body></html>\n",
        ]
    )


def _wholeness(summary: Summary) -> Iterable[str]:
    yield "<h2>Is the trail whole?</h2>"
    if summary.problems:
        yield f'<p class="bad">No: {len(summary.problems)} problems were found in the audit trail.</p><ul>'
        yield from (f"<li>{escape(problem)}</li>" for problem in summary.problems[:_TOLD])
        yield "</ul>"
    else:
        yield '<p class="good">Yes: its hash chain, its guards and the other tables were held against each other.</p>'
    yield f"<p>It has {summary.seq:,} rows. Its head: <code>{summary.seq}:{escape(summary.head)}</code></p>"
    yield from (f"<p>It goes on from a backup: {escape(told)}.</p>" for told in summary.restores)


_TOLD = 20


def _files(summary: Summary) -> Iterable[Sequence[str]]:
    for section in SECTIONS:
        count = summary.counts.get(section.file)
        shows = f"<strong>{escape(section.title)}.</strong> {escape(section.shows)}"
        if section in TABLES and not count:
            shows += f' <span class="small">{escape(section.none)}</span>'
        rows = "" if count is None else f"{count:,}"
        yield f"<code>{escape(section.file)}</code>", rows, shows, ", ".join(section.soc2), ", ".join(section.iso)


def _asked() -> Iterable[Sequence[str]]:
    for name, asks in ASKED.items():
        files = ", ".join(f"<code>{one.file}</code>" for one in SECTIONS if name in (*one.soc2, *one.iso))
        yield escape(name), escape(asks), files


def _checking(summary: Summary) -> Iterable[str]:
    yield "<h2>To check it yourself</h2><ol>"
    yield f"<li>The files are as they were written: <code>sha256sum -c {CHECKSUMS.file}</code></li>"
    yield (
        "<li>The head stands in the trail, and stood in the channel where heads are posted: "
        f"<code>snapshot-bot audit verify --head {summary.seq}:{escape(summary.head)}</code></li>"
    )
    yield (
        f"<li>Each row of <code>{RAW.file}</code> names the hash of the one before it; its own is the SHA-256 over "
        "that and its facts as JSON.</li></ol>"
    )
    yield (
        '<p class="small">Typed text, such as reasons, is not sealed, and may have been forgotten since. The criteria '
        "and controls are named as a help to find what is asked for; whether they are met is the auditor's to say.</p>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML by now."""
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{one}</td>' for one in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
