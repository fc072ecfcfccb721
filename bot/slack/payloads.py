"""Slack's JSON as models: every delivery and every answer of the Web API, and what stands in a form.

What Slack adds is passed over; what is odd where nothing depends on it counts as absent. What the bot can't do without
is strict: without it a payload is Unreadable. No other module subscripts Slack's JSON.
Sources: Slack, Implementing slash commands; Interaction payloads; Events API; the pages of the methods that are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
)

from bot.domain.actors import AccountKind
from bot.slack.ids import FROM_APP_HOME


class Unreadable(Exception):
    """A payload lacks what the bot can't do without. `fields` are names, never values: those are foreign text."""

    def __init__(self, kind: str, fields: str) -> None:
        super().__init__(f"{kind}: {fields}")
        self.kind = kind
        self.fields = fields


class Entered(dict[str, list[str]]):
    """A form's state: field -> what was typed, or the values that were chosen. JSON can hold it as it is."""

    def text(self, field: str) -> str:
        return next(iter(self.get(field, ())), "")

    def chosen(self, field: str) -> tuple[str, ...]:
        return tuple(self.get(field, ()))


def read_state(values: Any) -> Entered:
    """`state.values` of a view. A field's block begins with the field's name, up to a dot; odd shapes are empty."""
    entered = Entered()
    for block_id, elements in (values if isinstance(values, dict) else {}).items():
        for element in _objects(list(elements.values())) if isinstance(elements, dict) else ():
            options = [*_objects(element.get("selected_options")), *_objects([element.get("selected_option")])]
            chosen = [*(one.get("value") for one in options), element.get("selected_conversation")]
            entered[str(block_id).partition(".")[0]] = list(dict.fromkeys(_texts([*chosen, element.get("value")])))
    return entered


def _objects(values: Any) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _texts(values: Any) -> list[str]:
    return [one for one in values if isinstance(one, str)] if isinstance(values, list) else []


def _inputs(blocks: Any) -> list[str]:
    return [str(block.get("block_id")) for block in _objects(blocks) if block.get("type") == "input"]


def _path(*keys: str | int, default: Any = ...) -> Any:
    """A field that stands deeper in the payload."""
    return Field(default, validation_alias=AliasPath(*keys))  # type: ignore[arg-type]  # the first key is a name


Needed = Annotated[str, Field(min_length=1, strict=True)]
Text = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")]
Maybe = Annotated[str | None, BeforeValidator(lambda value: value if isinstance(value, str) else None)]
Flag = Annotated[bool, BeforeValidator(bool)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Object = Annotated[dict[str, Any] | None, BeforeValidator(lambda value: value if isinstance(value, dict) else None)]
Objects = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_objects)]


class Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


Read = TypeVar("Read", bound=Payload)


def read(model: type[Read], data: Any) -> Read:
    """Raises Unreadable, and nothing else."""
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        fields = {".".join(map(str, error["loc"])) for error in exc.errors(include_input=False, include_context=False)}
        raise Unreadable(model.__name__, ", ".join(sorted(fields))) from None


# --- what a person did ------------------------------------------------------------------------------------------------


class View(Payload):
    """A modal or an App Home as it comes back. `private_metadata` is a form's id."""

    id: Needed
    hash: Text = ""
    type: Text = ""
    callback_id: Text = ""
    private_metadata: Text = ""
    blocks: Objects = ()
    entered: Annotated[Entered, PlainValidator(read_state)] = Field(
        default_factory=Entered, validation_alias=AliasPath("state", "values")
    )

    @property
    def inputs(self) -> list[str]:
        """The block ids of what can be filled in: only beside those Slack shows errors."""
        return _inputs(list(self.blocks))

    def blocks_but(self, block_id: str) -> list[dict[str, Any]]:
        return [block for block in self.blocks if block.get("block_id") != block_id]


class Interaction(Payload):
    """`channel` is "" where there is none: in views and for global shortcuts."""

    user_id: Needed = _path("user", "id")
    team_id: Text = _path("team", "id", default="")
    channel: Text = _path("channel", "id", default="")
    thread_ts: Maybe = _path("container", "thread_ts", default=None)
    response_url: Maybe = None


class Triggered(Interaction):
    """`trigger_id` opens a form within three seconds, and names the delivery."""

    trigger_id: Needed


class SlashCommand(Triggered):
    user_id: Needed
    team_id: Text = ""
    channel: Needed = _path("channel_id")
    text: Text = ""


class BlockAction(Triggered):
    """A button that was pressed, or an option that was chosen. `message_ts` and `is_ephemeral` say on which message."""

    value: Text = Field(
        "",
        validation_alias=AliasChoices(
            AliasPath("actions", 0, "value"), AliasPath("actions", 0, "selected_option", "value")
        ),
    )
    message_ts: Maybe = _path("container", "message_ts", default=None)
    is_ephemeral: Flag = _path("container", "is_ephemeral", default=False)
    view: View | None = None

    @property
    def in_app_home(self) -> bool:
        """Pressed in App Home, or sent from a form that was opened there."""
        view = self.view
        return view is not None and (view.type == "home" or view.callback_id.endswith(FROM_APP_HOME))


class ViewAction(BlockAction):
    """Something in a form that was chosen or pressed, or the form itself, which was sent."""

    view: View


class Suggestion(Interaction):
    """A picker of a form asks for options; `value` is what was typed in it."""

    value: Text = ""
    view: View


class MessageShortcut(Triggered):
    channel: Needed = _path("channel", "id")
    ts: Needed = _path("message", "ts")
    parent_ts: Maybe = _path("message", "thread_ts", default=None)


# --- what happened ----------------------------------------------------------------------------------------------------


class Delivery(Payload):
    """The fields that every delivery may have; a command has no type."""

    type: Maybe = None
    event_type: Text = _path("event", "type", default="")
    minute_rate_limited: Any = None


class Sender(Payload):
    """Who is to be told, and where, of whatever delivery; as much as it says."""

    user_id: Maybe = Field(
        None, validation_alias=AliasChoices("user_id", AliasPath("user", "id"), AliasPath("event", "user"))
    )
    channel: Text = Field(
        "", validation_alias=AliasChoices("channel_id", AliasPath("channel", "id"), AliasPath("event", "channel"))
    )
    thread_ts: Maybe = Field(
        None, validation_alias=AliasChoices(AliasPath("container", "thread_ts"), AliasPath("event", "thread_ts"))
    )
    response_url: Maybe = None
    inputs: Annotated[list[str], BeforeValidator(_inputs)] = _path("view", "blocks", default=())


class Used(Payload):
    """A button, a form or a shortcut, as far as the log says of it: `name` is the id of what was used."""

    type: Text = ""
    name: Text = Field(
        "",
        validation_alias=AliasChoices(
            AliasPath("actions", 0, "action_id"), "callback_id", AliasPath("view", "callback_id")
        ),
    )
    value: Text = _path("actions", 0, "value", default="")
    form_id: Text = _path("view", "private_metadata", default="")
    trigger_id: Text = ""
    user_id: Text = _path("user", "id", default="")
    channel: Text = _path("channel", "id", default="")


class Mention(Payload):
    event_id: Needed
    team_id: Text = ""
    user_id: Maybe = _path("event", "user", default=None)
    bot_id: Maybe = _path("event", "bot_id", default=None)
    channel: Needed = _path("event", "channel")
    ts: Needed = _path("event", "ts")
    thread_ts: Maybe = _path("event", "thread_ts", default=None)
    text: Text = _path("event", "text", default="")
    edited: Flag = _path("event", "edited", default=False)


class AppHomeOpened(Payload):
    user_id: Needed = _path("event", "user")
    tab: Text = _path("event", "tab", default="")
    view_hash: Maybe = _path("event", "view", "hash", default=None)


class UserChange(Payload):
    user_id: Maybe = _path("event", "user", "id", default=None)


class ChannelChange(Payload):
    channel: Text = _path("event", "channel", "id", default="")
    name: Text = _path("event", "channel", "name", default="")


class Frame(Payload):
    """One message over Socket Mode: a hello, a disconnect, or a delivery in its envelope."""

    type: Text = ""
    reason: Text = ""
    envelope_id: Text = ""
    payload: Object = None
    retry_attempt: Any = None
    retry_reason: Maybe = None


# --- whose it is ------------------------------------------------------------------------------------------------------


class Identity(Payload):
    """The bot, as auth.test names it. `app_id` is told by bots.info; None: deliveries are not compared with it."""

    team_id: Needed
    user_id: Needed
    bot_id: Text = ""
    url: Text = ""
    enterprise_id: Maybe = None
    is_enterprise_install: Flag = False
    app_id: Maybe = None


class _Installation(Payload):
    team_id: Maybe = None
    enterprise_id: Maybe = None


class _Origin(_Installation):
    app_id: Any = Field("", validation_alias="api_app_id")
    team: Maybe = _path("team", "id", default=None)
    enterprise: Maybe = _path("enterprise", "id", default=None)
    installed: Maybe = _path("view", "app_installed_team_id", default=None)
    authorizations: Annotated[tuple[_Installation, ...], BeforeValidator(_objects)] = ()


_NO_COMMAND = frozenset({"type", "payload", "ssl_check"})
"""Fields by which a delivery is something else. Source: Slack, Implementing slash commands; Interaction payloads."""


def is_command(body: Mapping[str, Any], name: str) -> bool:
    """Whether a delivery is the slash command of that name, and nothing else besides."""
    return body.get("command") == name and _NO_COMMAND.isdisjoint(body)


_KINDS = {
    "block_actions": "action",
    "block_suggestion": "options",
    "view_submission": "form",
    "view_closed": "form",
    "event_callback": "event",
    "app_rate_limited": "event",
    "shortcut": "shortcut",
    "message_action": "shortcut",
}


def kind_of(body: Mapping[str, Any]) -> str:
    """One word for what a delivery is. Source: Slack, Interaction payloads; Events API."""
    kind = body.get("type")
    return "command" if "command" in body else _KINDS.get(kind, "other") if isinstance(kind, str) else "other"


def is_ours(body: Mapping[str, Any], identity: Identity) -> bool:
    """Whether a delivery is for this app in this workspace, as auth.test and bots.info named them.

    A well-signed one may not be: the same app may be installed elsewhere. The workspace is that of the installation:
    people of other organisations who press in a shared channel come under ours, and what only says where a person is
    from does not count. An app of the whole organisation answers to the organisation. Where Slack did not say which app
    this is, that is not compared. Sources: Slack, Events API (authorizations); slack-bolt, extract_team_id.
    """
    origin = read(_Origin, body)
    if identity.app_id and "app_id" in origin.model_fields_set and origin.app_id != identity.app_id:
        return False
    installed = [origin, *origin.authorizations]
    if identity.team_id in (origin.team, origin.installed, *(one.team_id for one in installed)):
        return True
    organisations = (origin.enterprise, *(one.enterprise_id for one in installed))
    return (
        identity.is_enterprise_install
        and identity.enterprise_id is not None
        and (identity.enterprise_id in organisations)
    )


# --- answers of the Web API -------------------------------------------------------------------------------------------


class Ticket(Payload):
    """apps.connections.open."""

    url: Needed


class BotAccount(Payload):
    """bots.info."""

    app_id: Maybe = _path("bot", "app_id", default=None)


class Account(Payload):
    """users.info. Absent flags mean false."""

    id: Needed = _path("user", "id")
    team_id: Maybe = _path("user", "team_id", default=None)
    deleted: Flag = _path("user", "deleted", default=False)
    is_bot: Flag = _path("user", "is_bot", default=False)
    is_workflow_bot: Flag = _path("user", "is_workflow_bot", default=False)
    is_connector_bot: Flag = _path("user", "is_connector_bot", default=False)
    is_stranger: Flag = _path("user", "is_stranger", default=False)
    is_restricted: Flag = _path("user", "is_restricted", default=False)
    is_ultra_restricted: Flag = _path("user", "is_ultra_restricted", default=False)
    is_invited_user: Flag = _path("user", "is_invited_user", default=False)
    enterprise_id: Maybe = _path("user", "enterprise_user", "enterprise_id", default=None)
    teams: Texts = _path("user", "enterprise_user", "teams", default=())

    def kind(self, team_id: str, enterprise_id: str | None = None) -> AccountKind:
        """The kind of the account; one that cannot be placed belongs to another team.

        In an Enterprise organisation an account may be of another workspace and still a member of this one: its
        `enterprise_user.teams` says so, and counts only when the organisation is the one the app is installed in.

        Slackbot says `is_bot: false` of itself, and no flag says "external": a foreign `team_id` does.
        Source: Slack, user object; users.info.
        """
        if self.deleted:
            return AccountKind.DEACTIVATED
        if self.is_bot or self.is_workflow_bot or self.is_connector_bot or self.id == "USLACKBOT":
            return AccountKind.BOT
        if self.is_stranger:
            return AccountKind.STRANGER
        if self.team_id != team_id and team_id not in (self.teams if self._is_of(enterprise_id) else ()):
            return AccountKind.OTHER_WORKSPACE if self._is_of(enterprise_id) else AccountKind.OTHER_TEAM
        if self.is_ultra_restricted:
            return AccountKind.SINGLE_CHANNEL_GUEST
        if self.is_restricted:
            return AccountKind.GUEST
        return AccountKind.INVITED if self.is_invited_user else AccountKind.MEMBER

    def _is_of(self, enterprise_id: str | None) -> bool:
        return bool(enterprise_id) and self.enterprise_id == enterprise_id


class UserGroup(Payload):
    id: Needed
    users: Texts = ()
    date_delete: Flag = False
    is_external: Flag = False


class UserGroups(Payload):
    """usergroups.list."""

    usergroups: Annotated[tuple[UserGroup, ...], BeforeValidator(_objects)] = ()


class Members(Payload):
    """A page of conversations.members."""

    members: Texts = ()
    next_cursor: Text = _path("response_metadata", "next_cursor", default="")


class Channel(Payload):
    """conversations.info."""

    id: Needed = _path("channel", "id")
    name: Text = _path("channel", "name", default="")
    is_ext_shared: Flag = _path("channel", "is_ext_shared", default=False)
    is_pending_ext_shared: Flag = _path("channel", "is_pending_ext_shared", default=False)
    is_member: Flag = _path("channel", "is_member", default=False)
    is_archived: Flag = _path("channel", "is_archived", default=False)

    @property
    def shared(self) -> bool:
        """With another organisation, or about to be."""
        return self.is_ext_shared or self.is_pending_ext_shared


class PostedMessage(Payload):
    """chat.postMessage. `message` is how it stands, where Slack says so."""

    channel: Needed
    ts: Needed
    message: Annotated[
        dict[str, Any] | None, BeforeValidator(lambda value: value if isinstance(value, dict) else None)
    ] = None

    @property
    def at_the_top(self) -> bool:
        """In no thread, wherever it was to stand."""
        return self.message is not None and not self.message.get("thread_ts")


class Answered(Payload):
    """A method of whose answer nothing is needed."""


class ShownView(Payload):
    """views.open and views.update."""

    id: Needed = _path("view", "id")
    hash: Needed = _path("view", "hash")


class PublishedView(Payload):
    """views.publish."""

    hash: Maybe = _path("view", "hash", default=None)


class Failed(Payload):
    """`ok: false`, of any method."""

    error: Text = ""
    messages: Texts = _path("response_metadata", "messages", default=())
