"""The judge of what the bot promises. It looks from outside: at the cloud, at the workspace, at the rows, and at what
people were told was taken. The simulation and the chaos of real processes are judged alike.

`gathered` takes the evidence once all is quiet; `broken` answers each promise that does not hold, in words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.snapshots import REQUEST_TAG
from bot.domain.transitions import DELETION, GROUP, ITEM, REQUEST, RESTORATION
from bot.simulator.cloud import Snapshot, SnapshotGroup
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message
from bot.slack.ids import AGREE, APPROVE, CANCEL, CHANGE, CONFIRM, DENY
from bot.store.database import Database
from bot.store.script import Rows, Script, sql
from bot.store.upkeep.verification import Verification, witness

TABLES = ("request", "item", "consistency_group", "restoration", "deletion", "audit", "deferred_reply", "notice")

POSTS_BURST = 2
"""Of the bot: posts to one channel within a second. Slack's own word is one a second, with short bursts."""

EDITS_A_MINUTE = 50

WAITS = {"planned": "waiting for your go", "waiting": "waiting for approval"}
"""States in which a request waits for people, and what its message says then."""

NOT_RECORDED = "was not recorded, and nothing will come of it"
"""What a person is told alone where the store could not be written; Slack may have heard that it was taken."""

OPEN_BUTTONS = frozenset({APPROVE, DENY, CONFIRM, CHANGE, CANCEL, AGREE})
"""What can be pressed only while something waits for it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A press, or a command that decides about a request, of which its person was told that it was taken. `verb` is the
    action of its row in the trail.
    """

    user_id: str
    verb: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Life:
    """The moments, in unix seconds, between which one bot ran: its budgets are kept in memory."""

    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Plain data. `made`: every snapshot that the cloud ever made. `standing`: ids of those available at the end.

    `messages`: all that stand, those of one person among them. `accepted`: ids of the requests that an acknowledgement
    named. `asked`: who mentioned the bot, and when, as far as Slack was told that this was taken. `trail`: the problems
    of the audit trail. `calls`: Slack's journal of the Web API.
    """

    made: Sequence[Snapshot]
    standing: frozenset[str]
    groups: Mapping[str, SnapshotGroup]
    messages: Sequence[Message]
    calls: Sequence[Mapping[str, Any]]
    rows: Mapping[str, Rows]
    trail: Sequence[str]
    accepted: Sequence[str]
    asked: Sequence[tuple[str, str]]
    taken: Sequence[Taken]
    lives: Sequence[Life] = field(default=())


async def gathered(
    setting: Setting, database: Database, accepted: Iterable[str], taken: Iterable[Taken], lives: Iterable[Life] = ()
) -> Evidence:
    cloud, slack = setting.cloud, setting.workspace
    rows = await database.read(_tables)
    verification = Verification(await database.run(witness, database.triggers))
    problem = verification.take(rows["audit"])
    return Evidence(
        made=sorted(cloud.world.snapshots.values(), key=lambda one: one.sequence),
        standing=frozenset(one["id"] for one in cloud.snapshots() if one["status"] == "available"),
        groups=dict(cloud.world.groups),
        messages=standing_messages(setting),
        calls=slack.api_calls(),
        rows=rows,
        trail=[problem] if problem else verification.missing(),
        accepted=list(accepted),
        asked=_mentions(slack.journal),
        taken=list(taken),
        lives=list(lives),
    )


def _tables() -> Script[dict[str, Rows]]:
    found: dict[str, Rows] = {}
    for table in TABLES:
        found[table] = [dict(row) for row in (yield sql(f"select * from {table}"))]
    found["audit"] = sorted(found["audit"], key=lambda row: int(row["seq"]))
    return found


def _mentions(journal: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    taken = [one for one in journal if one["entry"] == "delivery" and one["outcome"] == "acked"]
    events = [one["payload"]["event"] for one in taken if one["name"] == "app_mention"]
    return sorted({(event["user"], event["ts"]) for event in events})


def standing_messages(setting: Setting) -> list[Message]:
    """Everything that anybody sees, once each."""
    slack = setting.workspace
    found: dict[tuple[str, str], Message] = {}
    for channel in list(slack.world.channels):
        for viewer in (None, *slack.world.people):
            found |= {(one.channel, one.ts): one for one in slack.state.messages.visible(channel, viewer)}
    return [found[key] for key in sorted(found)]


def judged(evidence: Evidence) -> dict[str, list[str]]:
    """By promise, each case in which it does not hold."""
    case = _Case(evidence)
    return {
        "not ended": list(case.not_ended()),
        "lost": list(case.lost()),
        "not once in the cloud": list(case.not_once_in_the_cloud()),
        "untruthful": [*case.untruthful(), *case.left_over()],
        "not in the record": [*case.not_in_the_record(), *(f"the trail: {problem}" for problem in evidence.trail)],
        "over budget": list(case.over_budget()),
    }


def broken(evidence: Evidence) -> list[str]:
    """Each promise that does not hold; empty where all do."""
    return [problem for problems in judged(evidence).values() for problem in problems]


class _Case:
    def __init__(self, evidence: Evidence) -> None:
        self._seen = evidence
        rows = evidence.rows
        self._requests = {row["id"]: row for row in rows["request"]}
        self._items: dict[str, list[Any]] = defaultdict(list)
        for row in sorted(rows["item"], key=lambda row: (row["request_id"], row["position"])):
            self._items[row["request_id"]].append(row)
        self._item = {row["id"]: row for row in rows["item"]}
        self._messages = {(one.channel, one.ts): one for one in evidence.messages}
        self._parts: dict[tuple[str, str], list[Message]] = defaultdict(list)
        for message in evidence.messages:
            if named := part_of(message):
                self._parts[named].append(message)

    # --- what is in the rows ------------------------------------------------------------------------------------------

    def not_ended(self) -> Iterator[str]:
        """What waits for people may go on to wait, and its message says so."""
        waits = {row["id"] for row in self._seen.rows["request"] if row["state"] in WAITS}
        never_ran = {row["id"] for row in self._seen.rows["request"] if row["state"] in ("denied", "dropped")}
        for machine in (REQUEST, ITEM, GROUP, RESTORATION, DELETION):
            for row in self._seen.rows[machine.name]:
                waiting = row["state"] == "asked" or row.get("request_id", row.get("id")) in waits
                never_sent = machine is GROUP and row["state"] == "planned" and row["request_id"] in never_ran
                if row["state"] not in (*machine.final, "kept") and not (waiting or never_sent):
                    yield f"{machine.name} {row.get('id') or row['item_id']} did not end: it is {row['state']}"
        for row in self._seen.rows["request"]:
            if row["to_send"]:
                yield f"request {row['id']} still has something to be told"
        for row in self._seen.rows["deferred_reply"]:
            yield f"what {row['user_id']} asked was never answered: {row['id']}"

    def lost(self) -> Iterator[str]:
        for request_id in self._seen.accepted:
            if request_id not in self._requests:
                yield f"request {request_id} was acknowledged and is not recorded"
        for user, ts in self._seen.asked:
            direct = "D" + user[1:]
            theirs = [one for one in self._seen.messages if user == one.ephemeral_to or one.channel == direct]
            if not any(one.ts > ts for one in theirs):
                yield f"{user} mentioned the bot at {ts} and never heard of it"

    # --- the cloud ----------------------------------------------------------------------------------------------------

    def not_once_in_the_cloud(self) -> Iterator[str]:
        seen = self._seen
        groups = {group.id: group.tags.get(REQUEST_TAG, "") for group in seen.groups.values()}
        owner = {one.id: groups.get(one.group_id) or one.tags.get(REQUEST_TAG, "") for one in seen.made}
        made_for = Counter((owner[one.id], one.volume_id) for one in seen.made if owner[one.id])
        known = {row["id"] for row in (*seen.rows["item"], *seen.rows["consistency_group"])}
        for (tag, disk), number in sorted(made_for.items()):
            if number > 1:
                yield f"{number} snapshots of the disk {disk} were made for {tag}"
            if tag not in known:
                yield f"a snapshot of the disk {disk} bears the tag {tag}, which no row has"
        told = {row["snapshot_id"] for row in self._item.values() if row["snapshot_id"]}
        unsure = {row["id"] for row in self._item.values() if row["state"] == "unknown"}
        for one in seen.made:
            if owner[one.id] and one.id not in told and one.id in seen.standing and owner[one.id] not in unsure:
                yield f"the snapshot {one.id} was made for {owner[one.id]}, and no row knows it"
        for row in self._item.values():
            yield from self._item_and_cloud(row, owner)

    def _item_and_cloud(self, row: Mapping[str, Any], owner: Mapping[str, str]) -> Iterator[str]:
        if row["state"] != "available":
            return
        snapshot, leader = row["snapshot_id"], self._leader(row)
        if snapshot not in owner:
            yield f"item {row['id']} is available, and the cloud never made its snapshot {snapshot}"
        elif owner[snapshot] not in (leader["id"], leader["consistency_group_id"]):
            yield f"item {row['id']} shows the snapshot {snapshot}, which was made for {owner[snapshot]}"
        elif row["gone_at"] is None and not row["let_go"] and snapshot not in self._seen.standing:
            yield f"item {row['id']} is available, and its snapshot {snapshot} is not there"
        elif row["gone_at"] is not None and snapshot in self._seen.standing:
            yield f"item {row['id']} is said to be deleted, and its snapshot {snapshot} is there"

    def _leader(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The item whose snapshot it shows: what one joined may have joined another since."""
        while row["joined_to"] in self._item:
            row = self._item[row["joined_to"]]
        return row

    # --- what people read ---------------------------------------------------------------------------------------------

    def untruthful(self) -> Iterator[str]:
        """Of ways back: `tests.simulation.way_back_judge`."""
        for request in (one for one in self._requests.values() if '"way":' not in one["order_json"]):
            if request["status_ts"] is None:
                yield from self._refused_alone(request)
                continue
            message = self._messages.get((request["status_channel"], request["status_ts"]))
            if message is None:
                yield f"the message of {request['id']} does not stand where the row says"
                continue
            for problem in self._end_told(request, message):
                yield f"the message of {request['id']} {problem}: {message.text[:300]!r}"
            if request["ended_at"] is not None:
                yield from self._receipt(request)

    def _refused_alone(self, request: Mapping[str, Any]) -> Iterator[str]:
        """Before it had a message: told to the person alone, or in a direct message."""
        if request["state"] not in ("denied", "dropped"):
            yield f"{request['id']} is {request['state']} and has no message"
            return
        direct = "D" + request["actor_id"][1:]
        theirs = [
            one for one in self._seen.messages if request["actor_id"] == one.ephemeral_to or one.channel == direct
        ]
        if not any(request["id"] in one.text or request["text"][:40] in one.text for one in theirs if one.from_app):
            yield f"{request['id']} is {request['state']}, and its person was never told"

    def _end_told(self, request: Mapping[str, Any], message: Message) -> Iterator[str]:
        items, text = self._items[request["id"]], message.text
        if request["id"] not in text:
            yield "does not name it"
        if request["state"] in WAITS:
            if WAITS[request["state"]] not in text:
                yield f"does not say that it is {request['state']}"
            return
        if request["state"] != "finished":
            if "nothing was created" not in text.lower():
                yield f"does not say that it is {request['state']}"
            if any(item["snapshot_id"] and item["joined_to"] is None for item in items):
                yield "says that nothing was created, and something was"
            return
        asked = [item for item in items if item["code"] != "left-out"]
        available = [item for item in items if item["state"] == "available"]
        gone = sum(item["gone_at"] is not None for item in available)
        if gone:
            words = f"{len(available)} made, {'all of them' if gone == len(available) else gone} deleted since"
        elif available:
            words = "all available" if len(available) == len(asked) else f"{len(available)} available"
        else:
            words = "none available"
        if words not in text:
            yield f"does not say “{words}”"
        if len(items) <= 8:
            for item in available:
                if item["snapshot_id"] not in text:
                    yield f"does not name the snapshot {item['snapshot_id']}"

    def _receipt(self, request: Mapping[str, Any]) -> Iterator[str]:
        receipts = self._parts[request["id"], "receipt"]
        if not receipts:
            yield f"{request['id']} ended and has no receipt"
            return
        if request["state"] != "finished":
            return
        items = self._items[request["id"]]
        there = sum(item["state"] == "available" and item["gone_at"] is None for item in items)
        standing = [one for one in receipts if one.ts == request["receipt_ts"]] or receipts[-1:]
        text = standing[0].text
        if f"{there} of " not in text:
            yield f"the receipt of {request['id']} does not say that {there} are available: {text[:200]!r}"
        for item in items if len(items) <= 8 else ():
            if item["state"] == "available" and str(item["snapshot_id"]) not in text:
                yield f"the receipt of {request['id']} does not name the snapshot {item['snapshot_id']}"

    def left_over(self) -> Iterator[str]:
        """Messages that say what is no longer so. One whose answer was lost says that the lower one counts."""
        for (request_id, part), messages in sorted(self._parts.items()):
            request = self._requests.get(request_id)
            if request is None:
                yield f"a message tells of {request_id}, which no row knows"
                continue
            counts = next((message.text for message in messages if message.ts == request["status_ts"]), None)
            for message in messages:
                if part == "status" and message.text == counts:
                    continue  # it says what is so, and how it ended
                if part == "status" and message.ts != request["status_ts"]:
                    yield from self._not_the_one_that_counts(request, message)
                elif message.ts in (request["status_ts"], request["ask_ts"]) and request["ended_at"]:
                    shown = sorted(button for button in OPEN_BUTTONS if f"'{button}'" in str(message.blocks))
                    if shown:
                        yield f"the {part} message of {request_id} still shows {', '.join(shown)}"

    @staticmethod
    def _not_the_one_that_counts(request: Mapping[str, Any], message: Message) -> Iterator[str]:
        moved = message.channel != request["status_channel"]
        marked = "the lower one counts" in message.text and message.ts < (request["status_ts"] or "")
        if not (moved or marked or "This stood here twice" in message.text):
            yield f"a message of {request['id']} was left over and does not say so: {message.text[:200]!r}"

    # --- the record ---------------------------------------------------------------------------------------------------

    def not_in_the_record(self) -> Iterator[str]:
        """Each press that was taken has a row of its person: about the request, or about none where it led nowhere. Or
        its person was told that it was not recorded.
        """
        excused = Counter(
            one.ephemeral_to or f"U{one.channel[1:]}" for one in self._seen.messages if NOT_RECORDED in one.text
        )
        wanted = Counter((one.user_id, one.verb, one.request_id) for one in self._seen.taken)
        rows = Counter((row["actor"], row["action"], row["subject"]) for row in self._seen.rows["audit"])
        for (user, verb, request), number in sorted(wanted.items()):
            names = ("approve", "review") if verb == "approve" else (verb,)
            found = sum(rows[user, name, about] for name in (*names, "ask") for about in (request, ""))
            told = max(min(number - found, excused[user]), 0)
            excused[user] -= told
            if found + told < number:
                yield f"{number} times {user} was told that “{verb} {request}” was taken; the trail has {found} of it"

    # --- budgets ------------------------------------------------------------------------------------------------------

    def over_budget(self) -> Iterator[str]:
        """Within one life of the bot; what an earlier one used is not known to the next."""
        for life in self._seen.lives:
            calls = [one for one in self._seen.calls if life.begun <= one["at"] < life.ended]
            posts: dict[str, list[float]] = defaultdict(list)
            for call in calls:
                if call["method"] == "chat.postMessage" and call["args"]:
                    posts[call["args"]["channel"]].append(call["at"])
            for channel, moments in posts.items():
                if (most := _most_within(1.0, moments)) > POSTS_BURST:
                    yield f"{most} posts to {channel} within a second"
            edits = [one["at"] for one in calls if one["method"] == "chat.update"]
            if (most := _most_within(60.0, edits)) > EDITS_A_MINUTE:
                yield f"{most} edits within a minute"


def part_of(message: Message) -> tuple[str, str] | None:
    """The request that a message of the bot tells of, and which part of it."""
    payload = (message.metadata or {}).get("event_payload", {})
    return (payload["request"], payload["part"]) if payload else None


def _most_within(seconds: float, moments: Sequence[float]) -> int:
    first, most = 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
