"""Everything that can go wrong, as one tree. Each error carries the sentence a person reads; none carries a secret."""

from __future__ import annotations


class BotError(Exception):
    """`sentence` says cause and fix in words fit for Slack. `str(error)` is the same sentence and nothing more."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class CommandError(BotError):
    """The words that were typed cannot be read; nothing was recorded."""


class CloudError(BotError):
    """A call to the cloud that did not give what was asked.

    `status` is the HTTP status (None without an answer), `code` the cloud's own code (`EVS.2409`), `request_id` its
    `X-Request-Id`. `maybe_done` says that the cloud may have acted all the same: look before repeating.
    """

    def __init__(
        self,
        sentence: str,
        *,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        maybe_done: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.maybe_done = maybe_done


class CloudRefused(CloudError):
    """The cloud understood and said no. Asking again changes nothing."""


class DiskBusy(CloudRefused):
    """EVS.2409 (409, or 400 for groups): a snapshot of this disk is already being created. It waits its turn."""


class NoSnapshot(CloudRefused):
    """The disk is of a kind, or in a place, of which EVS makes no standard snapshot, however often it is asked."""


class NotFound(CloudRefused):
    """The disk, snapshot or job does not exist in this project (404, or Common.0011 for a job)."""


class NotOffered(CloudRefused):
    """The region has no v5 snapshot API (404 APIGW.0101)."""


class CredentialRefused(CloudRefused):
    """The bot's own key, password or right was refused. Never repeated in a loop: five failures lock an access key.

    `reason` is why, for operators, as the end of "… was refused, because"; "" where the cloud does not tell.
    """

    reason = ""


class CloudUnavailable(CloudError):
    """No answer, or not the documented one: time-outs, resets, 5xx, HTML, cut-off bodies.

    `reason` is what kept the cloud from answering, for operators; "" where it answered.
    """

    reason = ""


class Throttled(CloudUnavailable):
    """429: not executed. `retry_after` is in seconds where the cloud said it, else None."""

    def __init__(
        self,
        sentence: str,
        *,
        retry_after: float | None = None,
        status: int | None = 429,
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(sentence, status=status, code=code, request_id=request_id)
        self.retry_after = retry_after


class SentTooLate(CloudUnavailable):
    """The moment to send had passed before the first byte left; nothing was sent."""


class LookupFailed(BotError):
    """Slack could not say who a person is. That refuses. `retry_after` is in seconds where Slack said it."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


SHARED, GONE_AGAIN, REFUSED = "shared_channel", "message_gone", "message_refused"
"""Why the bot keeps silent where Slack would let it post: strangers read along, its messages there are deleted, or
Slack will have none of them.
"""


class CannotPost(BotError):
    """The bot may not post there: not a member, archived, or the place is gone. `reason` is Slack's code, or one of the
    three above.
    """

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class MessageGone(BotError):
    """The message to edit, or to reply to, no longer exists."""


class MessageFixed(MessageGone):
    """The message to edit stands, and may not be edited any more."""


class MessageRefused(BotError):
    """Slack understood the message and won't have it, such as blocks it finds invalid."""


class SlackBusy(BotError):
    """Slack asks to wait, or did not answer. `retry_after` is in seconds; `maybe_done`: it may have been posted."""

    def __init__(self, sentence: str, *, retry_after: float, maybe_done: bool = False) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.maybe_done = maybe_done


class NoRoom(SlackBusy):
    """The bot has made as many calls as Slack takes in a minute; this one was not made."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("All calls of this minute are made.", retry_after=retry_after)


class ViewStale(BotError):
    """A newer view stands there already (hash_conflict)."""


class ViewRefused(BotError):
    """Slack understood the view and won't have it, or the app has no Home."""


class CannotListen(BotError):
    """An address at which the bot is to be reached is not to be had."""


class ReceiverAway(BotError):
    """The receiver of audit rows did not take them, or it is not known whether it did."""


class StoreFailed(BotError):
    """The store could not be read or written: its disk is full, or gone. All of the transaction was undone."""


class StoreAway(StoreFailed):
    """The server of the store can't be reached now: that passes."""


class StoreInUse(BotError):
    """Another process runs on this store file."""


class StoreTooNew(BotError):
    """A later version of the bot has changed the store's tables."""


class StoreMissing(BotError):
    """There is no store where one should be, or the file is none."""
