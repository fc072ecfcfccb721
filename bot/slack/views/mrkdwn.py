"""Slack's mrkdwn: what people typed is escaped, moments are shown in the reader's own time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from bot.domain.actors import SCHEDULE, token_name
from bot.domain.items import DiskRef
from bot.domain.normalise import visible
from bot.domain.requests import Request
from bot.domain.sentences import BROKEN_MENTION, MENTION
from bot.slack.ids import is_direct


def sentence(text: str) -> str:
    """One of the bot's own sentences: escaped, with the people and channels it mentions by id made into mentions, and
    its times into the reader's.
    """
    return MENTION.sub(_shown, escaped(text))


def _shown(found: re.Match[str]) -> str:
    if found[1] in "~=":
        at = datetime.fromisoformat(found[2])
        return moment(at) if found[1] == "=" else time_of_day(at)
    return {"@": "<@{}>", "#": "<#{}>", "!": "<!subteam^{}>"}[found[1]].format(found[2])


def person(actor_id: str) -> str:
    """A mention of who acted; a token and the schedule, which have none, in words."""
    if actor_id == SCHEDULE:
        return f"the schedule ({code('verify_days')})"
    token = token_name(actor_id)
    return f"<@{actor_id}>" if token is None else f"the token {code(token)}"


def requester(request: Request) -> str:
    """Who asked, and the page of the run that did, where there is one."""
    run = f" ({link(request.run_url, 'its run')})" if request.run_url else ""
    return f"{person(request.actor_id)}{run}"


def escaped(text: str) -> str:
    """The three characters Slack gives a meaning; that also defuses `<!channel>` (Formatting message text). Names come
    from the cloud too: what cannot be seen in them, or turns the line round, is left out.
    """
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """A code span. There is no escape for a backtick in one, so it becomes a look-alike."""
    return f"`{escaped(text.replace('`', 'ˋ').replace(chr(10), ' '))}`" if text else ""


def typed(text: str) -> str:
    """A person's words within a sentence: escaped, in one line, unable to begin code."""
    return escaped(" ".join(text.replace("`", "ˋ").split()))


def code_block(text: str, most: int = 2_600) -> str:
    """A block of code of at most so many characters once it is escaped."""
    shown = text.replace("```", "ˋˋˋ")
    while len(escaped(shown)) > most:
        shown = f"{shown[: len(shown) * most // (len(escaped(shown)) + 1) - 1]}…"
    return f"```{escaped(shown)}```"


def bold(text: str) -> str:
    """Bold, with the asterisks and line breaks that would end it taken out, unable to begin code."""
    return f"*{escaped(text.replace('*', '∗').replace('`', 'ˋ').replace(chr(10), ' ').strip())}*"


def shortened(text: str, most: int) -> str:
    """So many characters at most. A mention in a sentence stays whole, or is left out."""
    return text if len(text) <= most else f"{BROKEN_MENTION.sub('', text[: most - 1])}…"


def cut_in_the_middle(text: str, most: int) -> str:
    """`shortened` for names, of which many begin alike: the end stays."""
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


_BROKEN_OFF = re.compile(r"(?:&[a-z]{0,3}|<[^<>]*)$")
"""An entity, a mention, a link or a time without its end."""


def cut(markup: str, most: int) -> str:
    """`shortened` for what is mrkdwn already: nothing that Slack reads as one is cut in two."""
    return markup if len(markup) <= most else f"{_BROKEN_OFF.sub('', markup[: most - 1])}…"


def moment(at: datetime) -> str:
    """A time in the reader's zone; UTC for a reader who can't be shown that."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time_secs}}|{utc_in_words(at)}>"


def utc_in_words(at: datetime) -> str:
    """For plain text, and for what is pasted where no reader has a zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def time_of_day(at: datetime) -> str:
    """The same in fewer characters, where the day is told already."""
    return f"<!date^{int(at.timestamp())}^{{time_secs}}|{at.astimezone(UTC):%H:%M:%S} UTC>"


def day(at: datetime) -> str:
    return f"<!date^{int(at.timestamp())}^{{date_short}}|{at.astimezone(UTC):%Y-%m-%d}>"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def finished(request: Request) -> str:
    """How long it took, and from when on where people had to agree to it first."""
    began, ended = request.counted_from, request.ended_at
    if ended is None:
        return "finished"
    if word := its_go(request):
        return f"finished {duration((ended - began).total_seconds())} after the {word}"
    # The moments beside it are shown in whole seconds, and are to differ by as many.
    return f"finished in {duration(int(ended.timestamp()) - int(began.timestamp()))}"


def its_go(request: Request) -> str:
    """The word that set it going; "" where it needed none."""
    return "approval" if request.approvals_needed else "go" if request.asks_first else ""


def link(url: str, label: str) -> str:
    """A link with words of its own (Formatting message text, Linking to URLs)."""
    return f"<{escaped(url)}|{typed(label).replace('|', '∣')}>"


def reason_told(reason: str, team_url: str) -> str:
    """`typed`, with the addresses of messages and channels of the own workspace made links, and no others."""
    shown = typed(reason)
    if not team_url:
        return shown
    own = re.compile(
        rf"(?<![^\s(“\"'\[]){re.escape(team_url.rstrip('/'))}/archives/[A-Z0-9]+"
        r"(?P<message>/p\d+(?:\?thread_ts=[\d.]+(?:&amp;cid=[A-Z0-9]+)?)?)?(?=[\s.,;:!?)”\"'\]]|$)"
    )
    return own.sub(lambda found: f"<{found[0]}{'|the message' if found['message'] else ''}>", shown)


def disk_kind(disk: DiskRef) -> str:
    size = f"{disk.size} GiB" if disk.size else ""
    return " ".join(part for part in (size, typed(disk.volume_type)) if part)


def plural(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def message_of(request: Request, team_url: str, *, own: bool = False) -> str:
    """A link to the request's message; "" where there is none. What stands in a direct message only its own person
    can open.
    """
    address = message_address(request, team_url, own=own)
    return link(address, "its message") if address else ""


def message_address(request: Request, team_url: str, *, own: bool = False) -> str:
    """The same without words."""
    if not team_url or not request.status_channel or not request.status_ts:
        return ""
    if is_direct(request.status_channel) and not own:
        return ""
    address = permalink(team_url, request.status_channel, request.status_ts)
    if request.thread_ts:
        address += f"?thread_ts={request.thread_ts}&cid={request.status_channel}"
    return address


def thread_address(request: Request, team_url: str, reply_ts: str | None) -> str:
    """The address of a reply below the request's message; "" where there is none."""
    root = request.thread_ts or request.status_ts
    if not team_url or not request.status_channel or not root or not reply_ts:
        return ""
    return f"{permalink(team_url, request.status_channel, reply_ts)}?thread_ts={root}&cid={request.status_channel}"


def permalink(team_url: str, channel: str, ts: str) -> str:
    """The address of a message, as chat.getPermalink would give it."""
    return f"{team_url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"
