"""Bugs put in on purpose, to see that the simulation finds them: a hurried change could make each of them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from bot.domain.attempts import waiting
from bot.domain.errors import SlackBusy, StoreFailed
from bot.domain.items import Item
from bot.ports.forms import DeferredReply
from bot.ports.messages import Edit, OutboxMessage
from bot.ports.slack import Posted
from bot.slack.client.poster import SlackReplies
from bot.store import deferred_replies, deliveries
from bot.store.deferred_replies import StoredDeferredReplies
from bot.store.sqlite.worker import Job
from bot.workflow.jobs.submit import Submitter
from tests.simulation import town
from tests.simulation.store import InlineDatabase, left_by_a_killed_process


class Bug(Protocol):
    def __call__(self) -> AbstractContextManager[Any]: ...


@contextmanager
def _instead(owner: Any, name: str, other: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, other)
    try:
        yield
    finally:
        setattr(owner, name, before)


def sent_again_without_looking() -> AbstractContextManager[Any]:
    """An answer was lost, and the POST is sent once more without a look for the tag."""

    async def look(self: Submitter, item: Item, *_: object) -> float:
        now = self.clock.now()
        await self.store.save(replace(waiting(item, now, until=now, cause=""), in_doubt=False))
        return 0.0

    return _instead(Submitter, "_look", look)


def answered_before_it_is_on_the_disk() -> AbstractContextManager[Any]:
    """What is committed reaches the disk once a second, and is answered at once: who is killed meanwhile loses it."""
    write, synced_at = InlineDatabase._write, dict[Path, float]()

    def _write(self: InlineDatabase, first: Job) -> None:
        write(self, first)
        now = asyncio.get_running_loop().time()
        if now - synced_at.get(self._path, 0.0) >= 1.0:
            synced_at[self._path] = now
            for file, synced in _files(self._path):
                shutil.copyfile(file, synced)

    def left(path: Path) -> None:
        for file, synced in _files(path):
            if synced.exists():
                shutil.copyfile(synced, file)
        left_by_a_killed_process(path)

    undone = ExitStack()
    undone.enter_context(_instead(town, "left_by_a_killed_process", left))
    undone.enter_context(_instead(InlineDatabase, "_write", _write))
    return undone


def _files(path: Path) -> list[tuple[Path, Path]]:
    names = [f"{path.name}{suffix}" for suffix in ("", "-wal")]
    return [(path.with_name(name), path.with_name(f"{name}.synced")) for name in names]


def shown_whatever_slack_says() -> AbstractContextManager[Any]:
    """An edit counts as shown, though Slack did not answer."""
    say = SlackReplies.say

    async def said(self: SlackReplies, outgoing: OutboxMessage) -> Posted | None:
        try:
            return await say(self, outgoing)
        except SlackBusy:
            if isinstance(outgoing, Edit):
                return None
            raise

    return _instead(SlackReplies, "say", said)


def marked_in_a_transaction_of_its_own() -> AbstractContextManager[Any]:
    """That an event was delivered is committed before what is to be done because of it."""

    async def take(self: StoredDeferredReplies, deferred_reply: DeferredReply) -> bool:
        first = await self._database.run_first(deliveries.first, deferred_reply.id, self._clock.now())
        if first:
            await self._database.run_first(deferred_replies.add, deferred_reply)
        return first

    return _instead(StoredDeferredReplies, "take_deferred_reply", take)


def taken_anyway() -> AbstractContextManager[Any]:
    """An event counts as taken, though the store could not be written."""
    take = StoredDeferredReplies.take_deferred_reply

    async def taken(self: StoredDeferredReplies, deferred_reply: DeferredReply) -> bool:
        with suppress(StoreFailed):
            await take(self, deferred_reply)
        return True

    return _instead(StoredDeferredReplies, "take_deferred_reply", taken)


WORDS = {
    "sent-again": "snapshots of the disk",
    "answered-early": "was acknowledged and is not recorded",
    "shown-early": "the message of",
    "marked-alone": "never heard of it",
    "taken-anyway": "never heard of it",
}
"""What the judge says of each."""

BUGS: Mapping[str, Bug] = {
    "sent-again": sent_again_without_looking,
    "answered-early": answered_before_it_is_on_the_disk,
    "shown-early": shown_whatever_slack_says,
    "marked-alone": marked_in_a_transaction_of_its_own,
    "taken-anyway": taken_anyway,
}
