"""What somebody wants who types a word that is no verb: one thing, first and short, ready to be copied.

Nothing is done on a guess. What is suggested is made of what was typed, so that it can be sent as it stands.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from bot.domain.arguments import OTHER_WORDS, Arguments, option_of, read_arguments, written
from bot.domain.orders import as_entry
from bot.domain.sentences import quoted
from bot.domain.typed import caseless
from bot.domain.words import Word, verb_in

_NOTHING = "Nothing was done."
_HELP = "`help` shows what I can do."


def _each(words: str, meaning: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), meaning)


_MEANT: dict[str, str] = {
    **_each(
        "snapshot snapshots snap snaps backup backups back-up back bkp save copy take make new add start run dump "
        "clone image freeze capture protect secure do trigger perform",
        "create",
    ),
    **_each("everything all incident emergency panic", "quick"),
    **_each(
        "stop abort kill halt end quit terminate undo nevermind never-mind forget discard scrap withdraw recall",
        "cancel",
    ),
    **_each(
        "rm remove del destroy erase purge delete-snapshot unlink-snapshot wipe trash clean cleanup prune", "delete"
    ),
    **_each(
        "wheres where's where’s where show state progress check info ps describe get whats what's what’s is watch stat "
        "jobs job running queue tail log logs ready done eta how's hows inspect view look track",
        "status",
    ),
    **_each("ls dir history recent mine find search latest last index catalog catalogue inventory", "list"),
    **_each(
        "rollback roll-back roll restore restores revert recover recovery rewind reset undelete unrevert points "
        "restorepoints restore-point restorepoint restore_points rp point-in-time rolled go-back verify mount",
        "restore-points",
    ),
    **_each("accept ok okay yes agree allow lgtm +1 approved approve-all approveall ack sign-off", "approve"),
    **_each("reject decline refuse no veto block disapprove denied -1", "deny"),
    **_each("whoami who whois me rights right permissions permission perms perm roles role acl may", "access"),
    **_each("project account accounts tenants tenant environments", "projects"),
    **_each("link attach connect watch-server setup configure config set associate", "bind"),
    **_each("unlink detach disconnect unset disassociate unbound", "unbind"),
    **_each("give authorize authorise permit share add-user", "grant"),
    **_each("take-away ungrant unshare remove-user deauthorize forbid", "revoke"),
    **_each("confirm go proceed execute apply continue", "confirm"),
    **_each("dry-run dryrun dry plan preview simulate test estimate try what-if", "plan"),
    **_each("hi hello hey hallo thanks thank thx ping version info? about commands usage man options docs", "help"),
    **_each("don't dont don’t not never won't wont won’t cannot can't nobody without", "no"),
    **_each("drop", "drop"),
    **_each("reviewed postmortem post-mortem record", "review"),
}
"""What people say, and which of the commands they mean by it."""

_FILLERS = frozenset(
    (
        *("a", "an", "the", "my", "our", "this", "that", "it", "is", "are", "me", "us", "please", "pls", "now", "just"),
        *("of", "for", "to", "up", "down", "from", "with", "latest", "last", "new", "all"),
        *("snapshot", "snapshots", "snap", "backup", "backups", "copy", "disk", "disks", "volume", "volumes"),
    )
)
_COURTESY = frozenset(("please", "pls", "plz", "can", "could", "would", "will", "you", "kindly", "just", "now"))
_ID = re.compile(r"r-[a-z0-9]{8}(?:-\w+)?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")


def for_unknown_verb(words: Sequence[Word], known: Sequence[str]) -> str:
    """The sentence for a command whose first word is no verb."""
    words = [Word(word.text.replace("`", ""), word.quoted, word.held) for word in words]
    verb = verb_in(words[0].text)
    if option_of(words[0]) is not None:
        return _without_verb(words)
    asked = verb.strip("?!.")
    if asked in _COURTESY and len(words) > 1:
        return _politely(words, known)
    if asked in known:
        rest = " ".join(map(_shown, words[1:]))
        return f"Did you mean `{f'{asked} {rest}'.strip()}`? {_NOTHING}"
    if meant := _MEANT.get(asked):
        return f"{_told(meant, asked, words[1:])} {_NOTHING}"
    if near := difflib.get_close_matches(asked, known, n=1, cutoff=0.75):
        again = f" Then: `{' '.join([near[0], *map(_shown, words[1:])])}`." if words[1:] else ""
        unknown = f"I know {len(known)} commands, but not {quoted(words[0].text)}."
        return f"{unknown} Did you mean `{near[0]}`?{again} {_NOTHING}"
    if _ID.fullmatch(asked):
        return f"What of it? For how it stands: `status {asked}`. {_NOTHING}"
    arguments = read_arguments("create", words)
    if any(map(_like_a_name, arguments.entries)) or len(words) == 1:
        return f"I don't know {quoted(words[0].text)}. For a snapshot of a disk: `{arguments.mended}`. {_NOTHING}"
    return f"I don't know {quoted(words[0].text)}. {_HELP} {_NOTHING}"


def _like_a_name(word: str) -> bool:
    """Disks are seldom called by a plain word of a sentence."""
    return re.search(r"[0-9_-]", word) is not None


def _shown(word: Word) -> str:
    option = option_of(word)
    return as_entry(word.text) if option is None else written("", (), [option]).strip()


def _politely(words: Sequence[Word], known: Sequence[str]) -> str:
    """`can you create …`: the order in it."""
    at = next((place for place, word in enumerate(words) if verb_in(word.text) not in _COURTESY), len(words))
    rest = words[at:]
    if rest and verb_in(rest[0].text) in known:
        return f"Begin with the command: `{' '.join([verb_in(rest[0].text), *map(_shown, rest[1:])])}`. {_NOTHING}"
    return for_unknown_verb(rest, known) if rest else f"{_HELP} {_NOTHING}"


def _without_verb(words: Sequence[Word]) -> str:
    """Options alone: a backup of what they name, or a new snapshot with them."""
    options = [option for word in words if (option := option_of(word)) is not None]
    if any(option.key in ("server", "server_id", "tag", "disks") for option in options):
        return f"Begin with the command: `{read_arguments('quick', words).mended}`. {_NOTHING}"
    arguments = read_arguments("create", [Word("create", quoted=False), *words])
    names = [entry for entry in arguments.entries if entry != "create"]
    names += [word for word in arguments.late if _like_a_name(word)]
    meant = [_renamed(option.key) for option in options]
    mended = [f"{key}={as_entry(option.value)}" for key, option in zip(meant, options, strict=True) if option.value]
    command = " ".join(["create", *(map(as_entry, names) if names else ["DISK"]), *mended])
    alone = " Who may use one project leaves project= out." if meant == ["project"] else ""
    return f"Begin with the command: `{command}`.{alone} {_NOTHING}"


def _renamed(key: str) -> str:
    return next((one for one, others in OTHER_WORDS.items() if key in others.split()), key)


def _told(meant: str, verb: str, rest: Sequence[Word]) -> str:
    plain_rest = [word for word in rest if caseless(word.text) not in _FILLERS]
    ids = [caseless(word.text).strip("`") for word in plain_rest if _ID.fullmatch(caseless(word.text).strip("`"))]
    one = ids[0] if ids else "ID"
    match meant:
        case "create":
            return _creation(rest, plain_rest)
        case "quick":
            return "For everything this channel is bound to: `quick`."
        case "cancel":
            return f"To call back what was not sent yet: `cancel {one}`."
        case "drop" if ids and ids[0].startswith("r-"):
            return f"To call back what was not sent yet: `cancel {one}`."
        case "delete" | "drop":
            return f"To delete what was made: `delete {one}`."
        case "status":
            listed = [word for word in plain_rest if _like_a_name(word.text) and not ids and option_of(word) is None]
            return (
                f"`list disk={as_entry(listed[0].text)}`." if listed else f"`{f'status {one}' if ids else 'status'}`."
            )
        case "list":
            return "`list`."
        case "restore-points":
            return "For the way back: `restore-points` shows what was made from here, and how to go back to it."
        case "approve":
            return f"`approve {one}`, one request at a time."
        case "deny":
            return f"`deny {one} reason=…`."
        case "access" | "projects" | "unbind":
            return f"`{meant}`."
        case "bind":
            return "`bind server=web-01`."
        case "grant" | "revoke":
            return f"`{meant} @someone operator PROJECT`."
        case "confirm":
            return "Press the button under the plan."
        case "plan":
            return "`quick` shows its plan and makes nothing before somebody presses."
        case "review":
            return f"`review {one}`."
        case "no":
            return f"That begins with {quoted(verb)}, so I took it for no order."
        case _:
            return _HELP


def _creation(rest: Sequence[Word], plain_rest: Sequence[Word]) -> str:
    options = [option for word in rest if (option := option_of(word)) is not None]
    if any(option.key in ("server", "server_id", "tag", "disks") for option in options):
        return f"For a backup of all that is named: `{read_arguments('quick', plain_rest).mended}`."
    arguments: Arguments = read_arguments("create", plain_rest)
    if arguments.entries:
        return f"For a snapshot: `{arguments.mended}`."
    everything = any(caseless(word.text) in ("all", "everything") for word in rest)
    return "For everything this channel is bound to: `quick`." if everything else "For a snapshot: `create DISK`."
