"""Advice for a person who types a word that is no verb: one thing, first and short, ready to be copied.

Nothing is done on a guess. What is suggested is made of what was typed, so that it can be sent as it stands.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence

from bot.domain.normalise import caseless
from bot.domain.options import key_meant
from bot.domain.orders import as_entry
from bot.domain.parsing.arguments import option_of, read_arguments
from bot.domain.parsing.copyable import server_meant, written
from bot.domain.parsing.named_ids import ID
from bot.domain.parsing.words import COURTESIES, EVERYTHING, FILLERS, Word, like_a_name, verb_in
from bot.domain.roles import ROLE_NAMES
from bot.domain.sentences import quoted

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
        "jobs job running queue tail ready done eta how's hows inspect view look track",
        "status",
    ),
    **_each("ls dir history recent mine find search latest last index catalog catalogue inventory", "list"),
    **_each(
        "points restorepoints restore-point restorepoint restore_points rp point-in-time undelete",
        "restore-points",
    ),
    **_each("restore restores recover recovery mount", "restore"),
    **_each("rollback roll-back roll rolled revert rewind reset unrevert go-back overwrite", "overwrite"),
    **_each("verify prove proof validate drill test-restore", "verify"),
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
    **_each("drop", "drop"),
    **_each("what when why which did does has finished", "status"),
    **_each("extend keep prolong retain", "keep"),
    **_each("schedule cron nightly daily weekly hourly tomorrow tonight", "schedule"),
    **_each("how", "help"),
    **_each("reviewed postmortem post-mortem record", "review"),
}
"""Words that people say, and which of the commands they mean by each."""

_ASKING = frozenset(("can", "could", "would", "will", "you", "kindly", "just", "now", "i", "want", "need", "to", "we"))
_SMALL_TALK = (
    "are is there here alive good nice great bot hi hello hey hallo thanks thank thx ok okay lol test sure alright",
    "cool danke merci well done welcome bye morning 👍 🙏 👋 :pray: :wave: :thumbsup: :+1: yes no",
)
_CHATTING = frozenset(word for words in _SMALL_TALK for word in words.split())
_BEFORE_A_VERB = frozenset(("sudo", "run", "exec", "execute", "do", "then", "snapshot", "bot", "snapshot-bot"))
_NEGATIONS = frozenset(
    (
        "don't",
        "dont",
        "don’t",
        "not",
        "never",
        "won't",
        "wont",
        "won’t",
        "cannot",
        "can't",
        "can’t",
        "nobody",
        "without",
    )
)


Reads = Callable[[str], bool]
"""Whether a command is read without a problem."""


def for_unknown_verb(words: Sequence[Word], known: Sequence[str], reads: Reads) -> str:
    """The sentence for a command whose first word is no verb."""
    words = [Word(word.text.replace("`", ""), word.quoted, word.held) for word in words]
    asked = verb_in(words[0].text).strip("?!.")
    if option_of(words[0]) is not None:
        return f"{_without_verb(words)} {_NOTHING}"
    if any(verb_in(word.text) in _NEGATIONS for word in words[:3]):
        return f"That reads as if it should not be done, so I took it for no order. {_NOTHING}"
    if not asked or all(verb_in(word.text).rstrip("!.") in _ASKING | _CHATTING | COURTESIES for word in words):
        return f"{_HELP} {_NOTHING}"
    if asked in known and reads(again := _again(asked, words[1:])):
        return f"Did you mean `{again}`? {_NOTHING}"
    if (within := _order_within(words, known)) and reads(within):
        return f"Begin with the command: `{within}`. {_NOTHING}"
    if meant := _MEANT.get(asked):
        return f"{_told(meant, words[1:])} {_NOTHING}"
    near = _typo_of(asked, known)
    if near and (near not in _GRAVE or len(words) == 1 or reads(_again(near, words[1:]))):
        return f"{_nearly(near, words, known, reads)} {_NOTHING}"
    if ID.fullmatch(asked):
        return f"What of it? For how it stands: `status {asked}`. {_NOTHING}"
    return f"I don't know {quoted(words[0].text)}. {_for_names(words)} {_NOTHING}"


_DOES = {
    "create": "`create` makes a snapshot of every disk it names, at once.",
    "quick": "`quick` plans a snapshot of every disk this channel is about, or that it names.",
    "bind": "`bind` says what `quick` means in this channel from then on.",
    "unbind": "`unbind` takes back what `quick` means in this channel.",
    "approve": "`approve` lets a request run that waits for agreement.",
    "deny": "`deny` ends a request that waits for agreement.",
    "review": "`review` says that you looked at a request that ran without approval.",
    "cancel": "`cancel` calls back what of a request was not sent yet.",
    "restore": "`restore` makes new disks of snapshots; with `overwrite` it rolls the disks themselves back.",
    "verify": "`verify` proves that a snapshot can be restored: it makes a disk of it, and deletes that again.",
    "delete": "`delete` gives up the snapshots of a request, or one of them.",
    "grant": "`grant` gives somebody a role in a project.",
    "revoke": "`revoke` takes a role in a project from somebody.",
}
EXAMPLES = {
    "access": "access @someone project=ALIAS",
    "grant": "grant @someone ROLE PROJECT",
    "revoke": "revoke @someone ROLE PROJECT",
    "deny": "deny ID reason=REASON",
    "create": "create DISK",
    "bind": "bind server=SERVER",
    "quick": "quick",
    "unbind": "unbind",
}


def for_question(words: Sequence[Word], reads: Reads) -> str:
    """The answer where an order ended in a question mark, which is no order."""
    verb = verb_in(words[0].text)
    meant = _again(verb, words[1:])
    meant = meant if reads(meant) else EXAMPLES.get(verb, f"{verb} ID")
    does = f" {_DOES[verb]}" if verb in _DOES else ""
    return (
        f"That ends in a question mark, so I did nothing.{does} {_NOTHING} To order it, leave the mark out: `{meant}`."
    )


_GRAVE = frozenset(("delete", "grant", "revoke", "unbind", "approve", "deny", "cancel"))
"""Verbs that are never guessed from a word that may be another one."""


def _typo_of(asked: str, known: Sequence[str]) -> str | None:
    """The verb, or the word for one, that was mistyped; None where it may as well be a word of its own."""
    if re.search("[0-9]", asked) or len(asked) < 3:
        return None
    harmless = [word for word, meant in _MEANT.items() if meant not in _GRAVE and len(word) > 3]
    near = difflib.get_close_matches(asked, [*known, *harmless], n=1, cutoff=0.75)
    if near and near[0] in _GRAVE and not _one_slip(asked, near[0]):
        return None
    return near[0] if near else None


def _one_slip(typed: str, word: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two have changed places."""
    start = next((at for at, (one, other) in enumerate(zip(typed, word, strict=False)) if one != other), len(word))
    ours, theirs = typed[start:], word[start:]
    swapped = ours[1:2] + ours[:1] + ours[2:]
    return theirs in (ours, ours[1:], swapped) or theirs[1:] in (ours, ours[1:])


def _nearly(near: str, words: Sequence[Word], known: Sequence[str], reads: Reads) -> str:
    if near not in known:
        return _told(_MEANT[near], words[1:])
    if near in _BACK and words[1:] and not reads(_again(near, words[1:])):
        return _told(near, words[1:])
    unknown = f"I know {len(known)} commands, but not {quoted(words[0].text)}. Did you mean `{near}`?"
    return f"{unknown} Then: `{again}`." if words[1:] and reads(again := _again(near, words[1:])) else unknown


def _for_names(words: Sequence[Word]) -> str:
    """Names alone mean a snapshot of these disks; words of a sentence mean nothing."""
    named = [word for word in words if caseless(word.text) not in FILLERS | COURTESIES]
    arguments = read_arguments("create", named)
    alone = len(words) == 1 and bool(re.fullmatch(r"\w+", words[0].text))
    if arguments.entries and (alone or all(map(like_a_name, arguments.entries))):
        return f"For a snapshot of a disk: `{arguments.mended}`."
    return _HELP


def _again(verb: str, rest: Sequence[Word]) -> str:
    return read_arguments(verb, rest).mended


def _order_within(words: Sequence[Word], known: Sequence[str]) -> str:
    """The order in `can you create …`, `sudo create …` and `@bot create …`; empty where there is none."""
    at = next((at for at, word in enumerate(words) if verb_in(word.text) not in _ASKING | _CHATTING | COURTESIES), 0)
    first = verb_in(words[0].text)
    if at == 0 and (first in _BEFORE_A_VERB or first.startswith(("@", "/"))):
        at = 1
    if 0 < at < len(words) and verb_in(words[at].text) in known:
        return _again(verb_in(words[at].text), words[at + 1 :])
    return ""


def _without_verb(words: Sequence[Word]) -> str:
    """Options alone: a backup of what they name, or a new snapshot with them."""
    options = [option for word in words if (option := option_of(word)) is not None]
    if any(option.key in _SELECTING for option in options):
        return f"Begin with the command: `{read_arguments('quick', words).mended}`."
    arguments = read_arguments("create", [Word("create", quoted=False), *words])
    names = [entry for entry in (*arguments.entries, *arguments.late) if like_a_name(entry)] or ["DISK"]
    given = [(option, key_meant(option.key)) for option in options if option.value]
    values = [f"{key}={as_entry(_colons(key, option.value))}" for option, key in given if key]
    others = [f"{option.key}:{option.value}" for option, key in given if not key]
    tags = [f"tags={','.join(others)}"] if others else []
    alone = " Who may use one project leaves project= out." if [key for _, key in given] == ["project"] else ""
    return f"Begin with the command: `{' '.join(['create', *names, *values, *tags])}`.{alone}"


def _colons(key: str, value: str) -> str:
    return value.replace("=", ":") if key == "tags" else value


_SELECTING = ("server", "server_id", "tag", "disks")


_BACK = ("restore-points", "restore", "overwrite", "verify")
"""Ways back. Without an id, each of them begins with a look at those that there are."""

_SAID = {
    "quick": "For everything this channel is bound to: `quick`.",
    "cancel": "To call back what was not sent yet: `cancel {id}`.",
    "delete": "To delete what was made: `delete {id}`.",
    "restore-points": "For the way back: `restore-points` shows what was made from here, and how to go back to it.",
    "restore": "For new disks: `restore {id}`; to overwrite the disks themselves: `restore {id} overwrite`.",
    "overwrite": "To overwrite the disks themselves: `restore {id} overwrite`; for new disks: `restore {id}`.",
    "verify": "To prove that it can be restored: `verify {id}`.",
    "approve": "`approve {id}`, one request at a time.",
    "deny": "`deny {id} reason=…`.",
    "review": "`review {id}`.",
    "access": "`access`.",
    "projects": "`projects`.",
    "bind": "`bind server=web-01`.",
    "unbind": "`unbind`.",
    "grant": "`grant @someone operator PROJECT`.",
    "revoke": "`revoke @someone operator PROJECT`.",
    "confirm": "Press the button under the plan.",
    "plan": "`quick` shows its plan and makes nothing before somebody presses.",
    "keep": (
        "Nothing deletes snapshots by itself. When their time is nearly over I ask, with a button to keep them longer."
    ),
    "schedule": "I have no calendar: I make snapshots at the moment I am asked.",
    "help": _HELP,
}
"""The advice for each meaning; `{id}` is the id that was typed, if one was."""


def _told(meant: str, rest: Sequence[Word]) -> str:
    named = [word for word in rest if caseless(word.text) not in FILLERS | COURTESIES]
    ids = [id_ for word in named if ID.fullmatch(id_ := caseless(word.text))]
    if meant == "confirm" and any(caseless(word.text) == "back" for word in rest):
        meant = "overwrite"
    match meant:
        case "create":
            return _creation(rest, named)
        case "drop":
            meant = "delete" if ids and not ids[0].startswith("r-") else "cancel"
        case "status":
            return _looking(named, ids)
        case "list":
            given = [word for word in rest if (option := option_of(word)) and option.key in ("disk", "project")]
            return f"`{_again('list', given)}`."
        case "help" if any(_MEANT.get(caseless(word.text)) in _BACK for word in rest):
            meant = "restore-points"
        case "restore" | "overwrite" | "verify" if not ids:
            meant = "restore-points"
    return _SAID[meant].replace("{id}", ids[0] if ids else "ID")


def _looking(named: Sequence[Word], ids: Sequence[str]) -> str:
    """For an id its state; for a name, the snapshots of that disk."""
    if ids:
        return f"`status {ids[0]}`."
    disks = [word.text for word in named if like_a_name(word.text) and option_of(word) is None]
    return f"`list disk={as_entry(disks[0])}`." if disks else "`status`."


def _creation(rest: Sequence[Word], plain_rest: Sequence[Word]) -> str:
    options = [option for word in rest if (option := option_of(word)) is not None]
    if any(option.key in _SELECTING for option in options):
        return f"For a backup of all that is named: `{read_arguments('quick', plain_rest).mended}`."
    if any(caseless(word.text) in EVERYTHING for word in rest):
        return _SAID["quick"]
    if any(caseless(word.text) in ROLE_NAMES for word in rest):
        return _SAID["grant"]
    arguments = read_arguments("create", plain_rest)
    if not arguments.entries:
        return "For a snapshot: `create DISK`."
    if server := server_meant([word.text for word in rest]):
        return f"For all disks of a server: `{server}`."
    told = f"For a snapshot of a disk: `{arguments.mended}`."
    if len(arguments.entries) > 1 or not any(caseless(word.text) in ("of", "on", "for") for word in rest):
        return told
    return f"{told} For all disks of a server: `{written('quick', arguments.entries, ())}`."
