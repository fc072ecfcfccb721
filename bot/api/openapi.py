"""The document of the entry for programs, OpenAPI 3.1, made of the very models that read a body."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from bot.api.bodies import CreateBody, QuickBody
from bot.domain.transitions import ItemState, RequestState

_REF = "#/components/schemas/{model}"
_TEXT, _MOMENT = {"type": "string"}, {"type": ["string", "null"], "format": "date-time"}
_NULLABLE = {"type": ["string", "null"]}

_DISK = {
    "type": "object",
    "required": ["disk_id", "disk_name", "state", "snapshot_id", "job_id", "cause", "deleted_at"],
    "properties": {
        "disk_id": _TEXT,
        "disk_name": _TEXT,
        "state": {"type": "string", "enum": [str(state) for state in ItemState]},
        "snapshot_id": _NULLABLE,
        "job_id": _NULLABLE,
        "cause": {**_TEXT, "description": "why there is none, for people"},
        "deleted_at": _MOMENT,
    },
}
_REQUEST = {
    "type": "object",
    "required": ["id", "outcome", "state", "project", "channel", "asked_by", "created_at", "ended_at", "disks"],
    "properties": {
        "id": _TEXT,
        "outcome": {
            "type": "string",
            "enum": ["pending", "available", "failed", "refused"],
            "description": "available: every disk has a finished snapshot. failed: at least one has none. "
            "refused: nothing was sent to the cloud",
        },
        "state": {"type": "string", "enum": [str(state) for state in RequestState]},
        "project": _NULLABLE,
        "channel": _TEXT,
        "asked_by": {**_TEXT, "description": "token:NAME or user:U…"},
        "created_at": _MOMENT,
        "ended_at": _MOMENT,
        "detail": {**_TEXT, "description": "why it was refused, or what it waits for"},
        "rule": {**_TEXT, "description": "the stable name of a refusal"},
        "message": {**_TEXT, "description": "the address of its message in Slack, once it stands"},
        "disks": {"type": "array", "items": _DISK},
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "rule"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {**_TEXT, "description": "cause and fix, for people"},
        "rule": {**_TEXT, "description": "stable, for programs"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": _TEXT, "detail": _TEXT}},
        },
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "the same for each try of one request: it is carried out once",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
_WAIT = {
    "name": "wait",
    "in": "query",
    "description": "seconds to wait for its end, 60 at most",
    "schema": {"type": "integer", "minimum": 0, "maximum": 60},
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


@cache
def document() -> dict[str, Any]:
    _, schemas = models_json_schema([(CreateBody, "validation"), (QuickBody, "validation")], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "snapshot-bot", "version": "1", "description": "Standard snapshots, for programs."},
        "paths": {
            "/api/v1/requests": {"post": _asks()},
            "/api/v1/requests/{id}": {"get": _shows()},
            "/api/v1/alerts": {"post": _alerts()},
            "/api/v1/openapi.json": {"get": {"responses": {"200": {"description": "this document"}}}},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**schemas["$defs"], "Request": _REQUEST, "Problem": _PROBLEM},
        },
    }


def _asks() -> dict[str, Any]:
    either = {"anyOf": [_ref("CreateBody"), _ref("QuickBody")]}
    return {
        "summary": "Ask for snapshots",
        "security": [{"token": []}],
        "parameters": [_KEY],
        "requestBody": {"required": True, "content": {"application/json": {"schema": either}}},
        "responses": {
            "201": _request("recorded"),
            "200": _request("recorded before, under the same key"),
            **_problems("400", "401", "403", "408", "413", "415", "417", "422", "429", "503"),
        },
    }


def _shows() -> dict[str, Any]:
    return {
        "summary": "How a request stands",
        "security": [{"token": []}],
        "parameters": [_ID, _WAIT],
        "responses": {"200": _request("as it stands"), **_problems("400", "401", "404", "503")},
    }


def _alerts() -> dict[str, Any]:
    query = ("channel", "project", "server", "server_id", "tag", "disks", "keep", "server_label")
    return {
        "summary": "A webhook of Alertmanager: plans a quick backup, which waits for a person's press",
        "security": [{"token": []}],
        "parameters": [{"name": name, "in": "query", "schema": _TEXT} for name in query],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "201": _request("planned"),
            "200": {"description": "planned before, or nothing is firing"},
            **_problems("400", "401", "403", "408", "413", "415", "417", "422", "429", "503"),
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _request(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref("Request")}}}


def _problems(*statuses: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {status: {"description": "a problem, with its rule", "content": content} for status in statuses}
