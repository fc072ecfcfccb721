"""Forms, deferred replies and App Home in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from bot.domain.forms import Form


@dataclass(frozen=True, slots=True)
class DeferredReply:
    """An answer that is owed: what was acknowledged before it was decided, in ids and the words that were typed.

    `id` is that of its delivery. `claim` is what may be acted on once, whichever delivery brings it; `late`: another
    delivery had taken that already.
    """

    id: str
    kind: Literal["command", "mention", "action"]
    user_id: str
    channel: str
    thread_ts: str | None
    payload: Mapping[str, Any]
    created_at: datetime
    claim: str | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class AppHomeRow:
    """A person's App Home: `rev` counts what changed, `shown_rev` what of it is shown, `view_hash` is Slack's.
    `looked_at`: they opened it, and what they may see is to be shown and written in the trail.
    """

    rev: int
    shown_rev: int
    view_hash: str | None
    looked_at: bool = False


class Forms(Protocol):
    """Forms that are open."""

    async def open_form(self, form: Form) -> None: ...

    async def form_project(self, form_id: str, project: str | None, *, seen: int | None = None) -> Form | None: ...

    async def form_place(self, form_id: str, channel: str, *, direct: bool) -> Form | None: ...

    async def form_more(self, form_id: str) -> Form | None: ...

    async def form_shown(self, form_id: str, view_hash: str) -> None: ...

    async def form_hash(self, form_id: str) -> str | None: ...

    async def form(self, form_id: str) -> Form | None: ...


class DeferredReplies(Protocol):
    """Acknowledged questions that are still to be answered."""

    async def take_deferred_reply(self, deferred_reply: DeferredReply) -> bool: ...

    async def deferred_reply(self, deferred_reply_id: str) -> DeferredReply | None: ...

    async def deferred_reply_done(self, deferred_reply: DeferredReply, *, acted: bool) -> None: ...


class AppHomes(Protocol):
    """The App Home of each person."""

    async def app_home(self, user_id: str) -> AppHomeRow | None: ...

    async def app_home_opened(self, user_id: str, view_hash: str | None) -> None: ...

    async def app_home_changed(self, user_id: str) -> None: ...

    async def app_home_published(self, user_id: str, rev: int, view_hash: str | None) -> None: ...
