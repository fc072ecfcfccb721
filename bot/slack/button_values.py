"""The JSON that buttons carry and bring back from outside, as models: nothing in it is believed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictInt, StrictStr, ValidationError

from bot.slack.payloads import Payload, Read

Named = Annotated[str, Field(min_length=1, max_length=64, strict=True)]


def read_value(model: type[Read], value: str) -> Read | None:
    """Whatever does not fit is nothing."""
    try:
        return model.model_validate_json(value)
    except (ValidationError, UnicodeError):
        return None


class PageValue(Payload):
    """Which page of a list a button turns to."""

    disk: StrictStr | None = None
    project: StrictStr | None = None
    offset: StrictInt = Field(ge=0, le=1_000_000)
    mine: Any = False


class AskingValue(Payload):
    """Which asking to delete a button agrees to."""

    request: StrictStr
    asking: StrictInt


class ProjectValue(Payload):
    """Which question a project answers."""

    question: Named
    project: Named
