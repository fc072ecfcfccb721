"""Meanings of the documented error codes, in words for people.

Sources: EVS API Reference, Error Codes (evs_04_0038); API Signing Guide, Error Codes; IAM API Reference, Error Codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """Which branch of the error tree a code belongs to."""

    REFUSED = auto()
    NO_SNAPSHOT = auto()
    PERMISSION = auto()
    BUSY = auto()
    NOT_FOUND = auto()
    NOT_OFFERED = auto()
    CREDENTIAL = auto()
    UNAVAILABLE = auto()
    THROTTLED = auto()


@dataclass(frozen=True, slots=True)
class Known:
    """A code's kind and its words: no full stop, because the code follows in brackets.

    For CREDENTIAL the words are the reason alone ("the token was not accepted"). `quote`: one code has several
    causes, and only the cloud's own message tells which.
    """

    kind: Kind
    words: str
    quote: bool = False


def known(code: str, action: str = "") -> Known | None:
    """The documented meaning of a code, None for any other. `action`: the IAM permission of the call, where one code
    means something else to it.
    """
    return _TO_AN_ACTION.get((code, action)) or _TABLE.get(_current(code))


def of_the_disk(code: str, message: str, action: str) -> Known | None:
    """The meaning of a refused call that was to make something, whose message speaks of the disk and not of the
    request, None for any other. That there are none in an edge zone is documented (EVS User Guide, Creating a Snapshot,
    Constraints), the code for it is not.
    """
    meaning = known(code)
    if meaning is not None and meaning.words != _BOT_ERROR:
        return None
    if _EDGE.search(message):
        return Known(Kind.NO_SNAPSHOT, _IN_AN_EDGE_ZONE, quote=True)
    if action == "evs:snapshots:create" and _DISK.search(message):
        return Known(Kind.REFUSED, _FOR_THE_DISK, quote=True)
    return None


def at_ecs(meaning: Known) -> Known:
    """The same, said by ECS, where only names of servers are asked."""
    if meaning.kind is Kind.NOT_OFFERED:
        words = "ECS lists no servers at this address: the people who run the bot have to check region and ecs_endpoint"
        return Known(Kind.NOT_OFFERED, words)
    words = meaning.words.replace("EVS", "ECS").replace("evs_endpoint", "ecs_endpoint")
    return Known(meaning.kind, words, meaning.quote)


def new_token_may_help(code: str) -> bool:
    """Whether a credential refused with this code may only have shown a token that is no longer valid."""
    return _current(code) not in _NOT_CURED


def _current(code: str) -> str:
    """Older and dedicated gateways write APIG. or APIC. for APIGW."""
    for prefix in ("APIG.", "APIC."):
        if code.startswith(prefix):
            return f"APIGW.{code.removeprefix(prefix)}"
    return code


LOCKED = "its account is locked after too many wrong passwords; wait, or have an administrator unlock it"
DISABLED = "its user is disabled; an administrator has to enable it"
CONSOLE_ONLY = "its user may use the console only; an administrator has to allow programmatic access"
EXPIRED = "its password has expired; somebody has to sign in as this user and choose a new one"
UNREAD = "IAM cannot read the request for a token; check domain, user and project_id"
NO_RIGHT = "its user has no right in this project; an administrator has to let it in, or project_id is another's"
NOT_ACCEPTED = (
    "IAM does not accept its user and password: one of them is wrong, or the user has login protection (MFA), or the "
    "account is a HUAWEI ID, and IAM answers all three alike. Give the bot an IAM user of its own without login "
    "protection, or an access key"
)
"""Source: IAM API Reference, Obtaining a User Token Through Password Authentication; issues of its clients on MFA."""

GATEWAY_CAUSES = (
    ("ak not exist", "the cloud knows no such access key"),
    ("verify aksk signature fail", "its secret key is not the access key's, or the clock of this machine is wrong"),
    ("AK access failed to reach the limit", "its access key is locked for five minutes, after wrong signatures"),
    ("token expires", "its security token has expired"),
)
"""Parts of the messages of APIGW.0301, and what they mean. Source: API Signing Guide, Error Codes."""

_BOT_ERROR = "EVS could not read what the bot sent; this is a fault of the bot, tell the people who run it"
_IN_AN_EDGE_ZONE = "This disk can't have a standard snapshot, because it is in an edge availability zone"
_FOR_THE_DISK = "EVS makes no snapshot of this disk as it was asked for"
_EDGE = re.compile(r"\bedge\b|\bCloudPond\b", re.IGNORECASE)
_DISK = re.compile(r"\b(?:disks?|volumes?|availability zone|AZ)\b", re.IGNORECASE)
_LIST_ERROR = "EVS did not accept how the bot asked for a list; this is a fault of the bot, tell the people who run it"
_UNCERTAIN = "EVS had an error of its own, and whether it acted is not certain"
_NO_PERMISSION = "The cloud does not let the bot do this"
_GATEWAY_CLOSED = (
    "The cloud's gateway does not let the bot's user, address or region use this API: "
    "whoever looks after the cloud account has to allow it"
)
_GATEWAY_ERROR = "The cloud's gateway had an error of its own; it usually passes"
_CLIENT_TOKEN = (
    "EVS refused the client token of the request; only new disks are ordered with one: look for a proxy that adds or "
    "changes headers"
)
_ORDERED_BEFORE = "EVS is still at work on the first order of this disk, and whether it acted is not certain"


def _rows() -> Iterator[tuple[str, Known]]:
    yield from _snapshots()
    yield from _disks()
    yield from _callers()
    yield from _servers()
    yield from _gateway()
    yield from _iam()


def _snapshots() -> Iterator[tuple[str, Known]]:
    busy = "A snapshot of this disk is already being created; EVS makes one at a time, so this one waits its turn"
    state = "EVS refused the request as it stands; for a snapshot the disk has to be available or in-use"
    quota = "The project's quota is used up: delete what nobody needs, or have the quota raised"
    yield "EVS.1012", Known(Kind.NO_SNAPSHOT, "This is a temporary disk, of which no snapshot can be made")
    yield "EVS.2093", Known(Kind.NO_SNAPSHOT, "This is not an EVS disk, so EVS cannot make a snapshot of it")
    yield "EVS.2409", Known(Kind.BUSY, busy)
    yield "EVS.5404", Known(Kind.NOT_FOUND, "EVS has no such disk or snapshot here: check the id and the project")
    yield "EVS.5400", Known(Kind.REFUSED, state, quote=True)
    yield "EVS.5413", Known(Kind.REFUSED, quota)
    for code, words in {
        "EVS.2045": "EVS does not accept this snapshot id: check it",
        "EVS.2043": "The snapshot is in a state in which EVS does nothing with it: wait until it is available",
        "EVS.1047": "A snapshot can be deleted only when it is available or in error: wait for that",
        "EVS.2019": "EVS could not delete this snapshot before: the cloud's support has to act",
        "EVS.1002": "EVS does not accept this disk id: check it",
        "EVS.2068": "The disk is locked by another service: wait until that has ended, or have it unlocked",
        "EVS.2089": "The disk belongs to disaster recovery (SDRS) and has to be protected there",
        "EVS.1062": "EVS does not accept a tag: letters, digits, _ and - only, and a dot in values",
        "EVS.1061": "The snapshot would hold more tags than EVS allows: leave some out",
        "EVS.2059": "EVS does not know the enterprise project id: check it",
        "EVS.2040": "The key that encrypts this disk is not enabled: whoever looks after KMS has to enable it",
        "EVS.2041": "EVS does not accept the disk's encryption settings: whoever looks after KMS has to look",
        "EVS.2055": "EVS may not use the key that encrypts this disk: an administrator has to grant it that access",
        "EVS.2143": "EVS needs an agency in this project to use encryption keys: an administrator has to create it",
    }.items():
        yield code, Known(Kind.REFUSED, words)


def _disks() -> Iterator[tuple[str, Known]]:
    """New disks and their deletion. Source: EVS API Reference, Error Codes."""
    for code, words in {
        "EVS.2054": "A disk of a snapshot can be made in the snapshot's own availability zone only; this order names "
        "another: tell the people who run the bot",
        "EVS.2096": "A disk of a snapshot has to be of the type that its source disk had: make it in the console, and "
        "choose that type",
        "EVS.1010": "EVS does not accept the new disk's size, which has to be the snapshot's at least: tell the people "
        "who run the bot",
        "EVS.1003": "EVS does not accept the new disk's name: give the source disk a shorter one",
        "EVS.1004": "EVS does not accept the new disk's description: tell the people who run the bot",
        "EVS.1034": "The project may have no more disks: delete disks nobody needs, or have the quota raised",
        "EVS.1042": "The project may have no more GB of disks: delete disks nobody needs, or have the quota raised",
        "EVS.2071": "This type of disk is not offered in the snapshot's zone: the cloud's support has to act",
        "EVS.2072": "This type of disk is sold out in the snapshot's zone: try again later",
        "EVS.1046": "A disk can be deleted only when it is available or in error: detach it, or wait for what is under "
        "way there",
        "EVS.2130": "The disk can't be deleted while a backup of it is being made: wait until that has ended",
    }.items():
        yield code, Known(Kind.REFUSED, words)
    for code in ("EVS.1016", "EVS.1043"):
        yield code, Known(Kind.REFUSED, _BOT_ERROR, quote=True)


def _callers() -> Iterator[tuple[str, Known]]:
    job = "EVS does not know this job in this project"
    tenant = "EVS does not accept the project id: the people who run the bot have to correct project_id"
    other = (
        "The bot's token belongs to another project than the one addressed: "
        "the people who run the bot have to correct project_id"
    )
    yield "Common.0011", Known(Kind.NOT_FOUND, job)
    yield "EVS.0001", Known(Kind.REFUSED, tenant)
    yield "Common.0018", Known(Kind.REFUSED, other)
    for code in ("EVS.0002", "Common.0013", "EVS.5401"):
        yield code, Known(Kind.CREDENTIAL, "EVS did not accept its token")
    for code in ("EVS.2056", "EVS.5403"):
        yield code, Known(Kind.PERMISSION, _NO_PERMISSION)
    yield "EVS.0003", Known(Kind.PERMISSION, "The bot's cloud user has no role in this project")
    arrears = "The cloud does not let the bot do this, for want of a right, of payment or of real-name authentication"
    yield "EVS.1027", Known(Kind.PERMISSION, arrears)
    for code, state in {"EVS.2144": "frozen", "EVS.2145": "suspended"}.items():
        words = (
            f"The cloud account is {state} and its resources cannot be used: someone who looks after billing has to act"
        )
        yield code, Known(Kind.REFUSED, words)
    for code in ("EVS.1013", "EVS.1052", "EVS.1070", "EVS.2108"):
        yield code, Known(Kind.REFUSED, _BOT_ERROR, quote=True)
    for code in ("EVS.1023", "EVS.2142", "EVS.1024", "EVS.1039", "EVS.1040", "EVS.1041"):
        yield code, Known(Kind.REFUSED, _LIST_ERROR)
    for number in (2001, 2002, 2005, 2010, 2013, 2014, 2023, 5500):
        yield f"EVS.{number}", Known(Kind.UNAVAILABLE, _UNCERTAIN)
    yield "EVS.5503", Known(Kind.UNAVAILABLE, "EVS is not available at the moment; it usually passes")
    for number in (2218, 2219, 2220, 2223):
        yield f"EVS.{number}", Known(Kind.REFUSED, _CLIENT_TOKEN)
    for number in (2221, 2222):
        yield f"EVS.{number}", Known(Kind.UNAVAILABLE, _ORDERED_BEFORE)


def _servers() -> Iterator[tuple[str, Known]]:
    """Source: ECS API Reference, Error Codes."""
    for code in ("Ecs.0003", "Pdp.0001"):
        yield code, Known(Kind.PERMISSION, "The cloud does not let the bot list servers")
    yield "Ecs.0005", Known(Kind.REFUSED, _LIST_ERROR)
    for code in ("Ecs.0114", "Ecs.0614"):
        yield code, Known(Kind.NOT_FOUND, "ECS has no such server here: check the id and the project")
    for code in ("Ecs.0000", "Ecs.0002", "Ecs.1000"):
        yield code, Known(Kind.UNAVAILABLE, "ECS had an error of its own; it usually passes")


def _gateway() -> Iterator[tuple[str, Known]]:
    yield (
        "APIGW.0101",
        Known(
            Kind.NOT_OFFERED,
            "This region does not offer standard snapshots. If it should, the people who run the bot have to check "
            "region and evs_endpoint of the project",
        ),
    )
    yield (
        "APIGW.0103",
        Known(
            Kind.REFUSED,
            "The gateway has nothing behind this address: the people who run the bot have to check evs_endpoint",
        ),
    )
    unsure = "the gateway did not accept its signature or token; check the key and the clock of the bot's machine"
    yield "APIGW.0301", Known(Kind.CREDENTIAL, unsure)
    renewed = "the gateway did not accept its token; check that region and endpoint belong together"
    yield "APIGW.0307", Known(Kind.CREDENTIAL, renewed)
    for code in ("APIGW.0303", "APIGW.0305", "APIGW.0311"):
        yield code, Known(Kind.CREDENTIAL, "the gateway did not accept how it identifies itself")
    for number in ("0302", "0304", "0306", "0310", "0401", "0402", "0404", "0801", "0802"):
        yield f"APIGW.{number}", Known(Kind.REFUSED, _GATEWAY_CLOSED)
    yield "APIGW.0308", Known(Kind.THROTTLED, "The cloud asks for fewer calls; the bot waits and tries again")
    yield "APIGW.0201", Known(Kind.REFUSED, "The gateway did not accept the request's form or size")
    for number in ("0601", "0605", "0606", "0608", "0609", "0610", "0611", "0612", "0705"):
        yield f"APIGW.{number}", Known(Kind.UNAVAILABLE, _GATEWAY_ERROR)
    yield "APIGW.0613", Known(Kind.UNAVAILABLE, "The cloud's IAM service is not available; it usually passes")


def _iam() -> Iterator[tuple[str, Known]]:
    yield "IAM.0012", Known(Kind.THROTTLED, "The cloud asks for fewer calls; the bot waits and tries again")
    yield "IAM.0061", Known(Kind.CREDENTIAL, LOCKED)
    yield (
        "IAM.0062",
        Known(Kind.CREDENTIAL, "its password is wrong; the people who run the bot have to set the right one"),
    )
    for code in ("IAM.0080", "IAM.0082"):
        yield code, Known(Kind.CREDENTIAL, DISABLED)
    yield "IAM.0081", Known(Kind.CREDENTIAL, CONSOLE_ONLY)
    yield "IAM.0083", Known(Kind.CREDENTIAL, "its user may not use this region, which is a private one")
    yield (
        "IAM.1105",
        Known(Kind.CREDENTIAL, "its access key has expired; the people who run the bot have to make a new one"),
    )
    temporary = "its temporary key has expired; the people who run the bot have to give it a new one, or one that lasts"
    yield "IAM.1108", Known(Kind.CREDENTIAL, temporary)
    for code in ("IAM.0007", "IAM.0011", "IAM.0072", "IAM.0073"):
        yield code, Known(Kind.CREDENTIAL, UNREAD)


_TABLE = dict(_rows())

_TO_AN_ACTION = {
    ("EVS.5400", "evs:snapshots:rollback"): Known(
        Kind.REFUSED,
        "EVS refused the roll-back as it stands; the disk has to be available, and attached to no server",
        quote=True,
    ),
    ("EVS.5400", "evs:volumes:create"): Known(
        Kind.REFUSED, "EVS refused to make the disk as it was ordered", quote=True
    ),
    ("EVS.5400", "evs:volumes:delete"): Known(
        Kind.REFUSED,
        "EVS refused to delete the disk as it stands; a yearly/monthly one has to be unsubscribed from in the console",
        quote=True,
    ),
}

_NOT_CURED = frozenset({"APIGW.0303", "APIGW.0305", "APIGW.0311"}) | {
    f"IAM.{number}" for number in ("0061", "0062", "0080", "0081", "0082", "0083", "1105")
}

DOCUMENTED = frozenset(_TABLE)
