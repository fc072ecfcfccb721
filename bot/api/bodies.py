"""Bodies of programs: the fields of `create` and `quick` as JSON become an order, by the readers of what is typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from bot.api.problems import INVALID, Problem
from bot.domain.normalise import entered
from bot.domain.options import OPTIONS, payload_problems, read_days, read_tags
from bot.domain.orders import DISKS_PER_CREATE, Create, Order, Quick, Selector, SelectorKind

TEXT_CHARACTERS = 2_000
RUN_URL_CHARACTERS = 500
SELECTORS_AT_MOST = 50
_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,30}")
_ADDRESS = re.compile(r"https://[!#-&(-;=?-_a-{}~]+")
"""Of plain letters, digits and signs, but those that Slack or a shell gives a meaning: " ' < > ` |"""


def _by(read: Callable[[str], Any]) -> AfterValidator:
    """A reader of what is typed; its ValueError is the sentence."""
    return AfterValidator(lambda value: value if value is None else read(value))


def _filled(value: str) -> str:
    if not (shown := entered(value)):
        raise ValueError("It is empty. Write a value, or leave the field out.")
    return shown


def _channel(value: str) -> str:
    if not _CHANNEL.fullmatch(value):
        raise ValueError("Write a channel's id, not its name: it begins with C or G, such as C0PAYINC01.")
    return value


def _run_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_one = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or not _ADDRESS.fullmatch(value) or "@" in parts.netloc:
        raise ValueError("Write an https:// address in plain letters, without a user in it.")
    return value


def _days(value: object) -> object:
    """`7` or `"7d"`."""
    return read_days(value) if isinstance(value, str) else value


def _several(value: object) -> object:
    """One word stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _tags(value: dict[str, str]) -> dict[str, str]:
    """Checked as the typed `key:value` are; a colon or a comma in a key or a value is nothing there, so none here."""
    for key, content in value.items():
        if not key or set(key) & set(":,=") or "," in content:
            raise ValueError("A tag's key holds no colon, comma or =, and its value no comma.")
        read_tags(f"{key}:{content}")
    return value


Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS), AfterValidator(_filled)]
Words = Annotated[list[Text], BeforeValidator(_several), Field(min_length=1, max_length=SELECTORS_AT_MOST)]
Keep = Annotated[int, BeforeValidator(_days), Field(ge=1, le=65_536)]
Alias = Annotated[Text, _by(OPTIONS["project"].read)]
Reason = Annotated[Text, _by(OPTIONS["reason"].read)]


class Asked(BaseModel):
    """The fields that both orders have."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    project: Alias | None = Field(None, description="alias of the project; by default the channel's, or the only one")
    channel: Annotated[str, AfterValidator(_channel)] | None = Field(
        None, description="id of the channel in which it is told; by default the project's api_channel"
    )
    keep: Keep | None = Field(None, description="days that the snapshots are to be kept, 1 to 65536")
    reason: Reason | None = Field(None, description="why, in at most 300 characters")
    run_url: Annotated[str, Field(max_length=RUN_URL_CHARACTERS), AfterValidator(_run_url)] | None = Field(
        None, description="https:// address of the run that asks; people find it in the message"
    )


class CreateBody(Asked):
    """`create`: these disks, at once."""

    verb: Literal["create"] = "create"
    disks: Annotated[list[Text], BeforeValidator(_several), Field(min_length=1, max_length=DISKS_PER_CREATE)] = Field(
        description="ids, or names that are unique in the project"
    )
    name: Text | None = Field(None, description="name of the snapshot; of several disks each has its own behind it")
    description: Text | None = None
    tags: Annotated[dict[Text, str], AfterValidator(_tags)] = Field({}, description="at most 19")
    enterprise_project_id: Annotated[Text, _by(OPTIONS["enterprise_project_id"].read)] | None = None
    instant_access: bool | None = None
    incremental: bool | None = None

    def order(self) -> Order:
        return Create(
            tuple(dict.fromkeys(self.disks)),
            project=self.project,
            name=self.name,
            description=self.description,
            tags=self.tags,
            enterprise_project_id=self.enterprise_project_id,
            instant_access=self.instant_access,
            incremental=self.incremental,
            keep_days=self.keep,
            reason=self.reason,
        )


class QuickBody(Asked):
    """`quick`: every disk that is meant, in consistent sets; without a selector what the channel is bound to."""

    verb: Literal["quick"]
    server: Words | None = Field(None, description="names of servers")
    server_id: Words | None = None
    tag: Annotated[list[Annotated[Text, _by(OPTIONS["tag"].read)]], BeforeValidator(_several)] | None = Field(
        None, description="tags that disks carry, key or key:value"
    )
    disks: Words | None = Field(None, description="ids or names")
    confirm: bool = Field(False, description="true: it shows its plan, and waits for a person's press")

    def order(self) -> Order:
        return Quick(
            tuple(self._selectors()),
            project=self.project,
            keep_days=self.keep,
            reason=self.reason,
            confirm=self.confirm,
        )

    def _selectors(self) -> Iterable[Selector]:
        named: tuple[tuple[SelectorKind, list[str] | None], ...] = (
            ("server", self.server),
            ("server_id", self.server_id),
            ("tag", self.tag),
            ("disk", self.disks),
        )
        for kind, words in named:
            yield from (Selector(kind, word) for word in dict.fromkeys(words or ()))


VERBS: Mapping[str, type[CreateBody] | type[QuickBody]] = {"create": CreateBody, "quick": QuickBody}


def body_of(sent: Any) -> CreateBody | QuickBody:
    """Raises Problem (422) with every field that is wrong."""
    verb = sent.get("verb", "create") if isinstance(sent, dict) else None
    model = VERBS.get(verb) if isinstance(verb, str) else None
    if model is None:
        detail = 'Send an object whose "verb" is "create" or "quick".'
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, detail)
    try:
        body = model.model_validate(sent)
    except ValidationError as exc:
        raise _invalid({_place(error): _sentence(error) for error in exc.errors(include_url=False)}) from None
    if isinstance(body, CreateBody) and (wrong := payload_problems(body.model_dump())):
        raise _invalid(wrong)
    return body


def _invalid(errors: Mapping[str, str]) -> Problem:
    count = len(errors)
    detail = f"{count} {'field is' if count == 1 else 'fields are'} not as {'it' if count == 1 else 'they'} should be."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, detail, errors)


def _place(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"]) or "body"


def _sentence(error: ErrorDetails) -> str:
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "extra_forbidden":
            return "There is no such field."
        case _:
            return f"{error['msg']}."
