"""A webhook of Alertmanager's shape: what fires becomes a `quick` that shows its plan and waits for a person's press.

Source: Prometheus, Alerting: Configuration, `webhook_config` (version "4" of the body).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bot.api.bodies import QuickBody, body_of
from bot.api.problems import INVALID, Problem
from bot.domain.normalise import entered
from bot.domain.options import REASON_CHARACTERS

FIRING = "firing"
OF_QUERY = frozenset({"channel", "project", "server", "server_id", "tag", "disks", "keep", "server_label"})
SERVERS_AT_MOST = 20


class _Alert(BaseModel):
    model_config = ConfigDict(extra="ignore")

    status: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime = Field(alias="startsAt")
    fingerprint: str = Field("", max_length=100)


class _Webhook(BaseModel):
    model_config = ConfigDict(extra="ignore")

    group_key: str = Field(alias="groupKey", max_length=10_000)
    alerts: list[_Alert] = Field(max_length=1_000)


@dataclass(frozen=True, slots=True)
class Alert:
    """`key` is the same each time that Alertmanager repeats itself about the same alerts, and once some of them are
    over; with one that begins later it is another.
    """

    key: str
    body: QuickBody


def alert_of(sent: Any, query: Mapping[str, str]) -> Alert | None:
    """None where nothing fires any more. The query of the address says what is meant: `channel=`, `project=`, `server=`
    …, or `server_label=` for the label of the alerts that names the server. Raises Problem (422).
    """
    try:
        webhook = _Webhook.model_validate(sent)
    except ValidationError as exc:
        fields = {".".join(map(str, error["loc"])): f"{error['msg']}." for error in exc.errors(include_url=False)}
        detail = "This is no webhook of Alertmanager."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, detail, fields) from None
    if unknown := sorted(set(query) - OF_QUERY):
        fields = {name: f"The address takes {', '.join(sorted(OF_QUERY))}." for name in unknown}
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, "There is no such field in the address.", fields)
    firing = [alert for alert in webhook.alerts if alert.status == FIRING]
    if not firing:
        return None
    newest = max(alert.starts_at for alert in firing)
    body = body_of({**_named(query, firing), "verb": "quick", "confirm": True, "reason": _reason(firing)})
    assert isinstance(body, QuickBody)
    return Alert(f"{_short(webhook.group_key, query)} {newest.timestamp()}", body)


def _short(group_key: str, query: Mapping[str, str]) -> str:
    """Two receivers may be told of one group, and mean other channels or disks by it."""
    meant = json.dumps([group_key, sorted(query.items())])
    return hashlib.sha256(meant.encode()).hexdigest()


def _named(query: Mapping[str, str], firing: Sequence[_Alert]) -> dict[str, Any]:
    named: dict[str, Any] = {key: query[key] for key in ("channel", "project", "keep") if key in query}
    named |= {key: query[key].split(",") for key in ("server", "server_id", "tag", "disks") if key in query}
    if label := query.get("server_label"):
        servers = list(dict.fromkeys(alert.labels[label] for alert in firing if alert.labels.get(label)))
        if not servers:
            detail = f"No alert that fires has a label {label}, which was to name the server."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, detail, {"server_label": detail})
        named["server"] = servers[:SERVERS_AT_MOST]
    return named


def _reason(firing: Sequence[_Alert]) -> str:
    """`Alert HighLoad: summary (and 2 more)`, as Alertmanager's own templates name an alert."""
    first = firing[0]
    name = entered(first.labels.get("alertname", "")) or "alert"
    summary = entered(first.annotations.get("summary", ""))
    more = f" (and {len(firing) - 1} more)" if len(firing) > 1 else ""
    told = f"Alert {name}{f': {summary}' if summary else ''}"
    return f"{' '.join(told.split())[: REASON_CHARACTERS - len(more)].rstrip()}{more}"
