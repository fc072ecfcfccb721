"""The whole store, for the module that composes it; a use case asks for the roles it uses."""

from __future__ import annotations

from typing import Protocol

from bot.ports.audit import Audit
from bot.ports.deletions import Deletions
from bot.ports.forms import AppHomes, DeferredReplies, Forms
from bot.ports.grants import Bindings, Grants
from bot.ports.items import Items
from bot.ports.outbox import Outbox
from bot.ports.requests import Requests


class Store(Requests, Items, Deletions, Outbox, Grants, Bindings, Forms, DeferredReplies, AppHomes, Audit, Protocol):
    """Each method is one transaction: rows, audit and jobs together. `False` or None: another was faster."""
