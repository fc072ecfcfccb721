"""Reading bot.toml: from its path to a checked `ConfigFile`, with every problem at its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.settings import toml
from bot.settings.configuration_errors import ConfigurationError, nearest
from bot.settings.tables import CREDENTIALS, SELECTORS, TABLES, Around, ConfigFile, GrantTable, Table
from bot.settings.toml import Document, KeyPath

_VARIABLES: Mapping[KeyPath, str] = {
    ("slack", "bot_token"): "SLACK_BOT_TOKEN",
    ("slack", "app_token"): "SLACK_APP_TOKEN",
    ("slack", "signing_secret"): "SLACK_SIGNING_SECRET",
    ("slack", "api_url"): "SLACK_API_URL",
}
"""Keys that people look for in the file and that stand in the environment."""

EMPTY = "The file says nothing. Write at least [credentials.NAME] and [projects.NAME]."

_WANTED: Mapping[str, str] = {
    "string_type": "text in quotes",
    "path_type": "text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false, without quotes",
    "list_type": "a list in brackets",
    "datetime_type": "a date and a time, without quotes",
    "is_instance_of": "text in quotes",
    "enum": "text in quotes",
}

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number with a point"),
    (list, "a list"),
    (dict, "a table"),
    (datetime, "a date and a time"),
    ((date, time), "a date or a time alone"),
)


def read_config(path: Path, environ: Mapping[str, str], problems: list[ConfigurationError]) -> ConfigFile | None:
    """Read the file, following its secrets. What is wrong is added to `problems`; None where nothing could be used."""
    document = _document(path, problems)
    if document is None:
        return None
    if not document.tables:
        problems.append(ConfigurationError(document.source, None, "", EMPTY))
    problems.extend(_unclear_bindings(document))
    problems.extend(_doubled_projects(document))
    problems.extend(_programs(document))
    return _checked(document, document.tables, _around(document, environ), problems)


def read_store_url(path: Path, problems: list[ConfigurationError]) -> str | None:
    """The value of `[store] url`, whatever else is wrong with the file. None where it has none."""
    text, twice = _text(path, problems), list[ConfigurationError]()
    document = None if text is None else toml.parse(str(path), text, twice)
    if document is None:
        problems.extend(twice)
    url = _dict(document.tables.get("store")).get("url") if document else None
    return url if isinstance(url, str) else None


def read_secret_files(path: Path) -> list[tuple[str, Path]]:
    """Where a secret is read from a file: the place in bot.toml, and that file. Problems are told by `read_config`."""
    document = _document(path, [])
    return [
        (toml.place_name((kind, name, key)), Path(value.removeprefix("file:")))
        for kind in ("credentials", "tokens")
        for name, table in (_dict(document.tables.get(kind)) if document else {}).items()
        for key, value in _dict(table).items()
        if isinstance(value, str) and value.startswith("file:")
    ]


def read_rights(path: Path, problems: list[ConfigurationError]) -> ConfigFile | None:
    """Projects and grants alone: no secret is followed, and problems of other tables do not count."""
    document = _document(path, problems)
    if document is None:
        return None
    problems.extend(_doubled_projects(document))
    tables = {name: table for name, table in document.tables.items() if name in ("projects", "grants")}
    return _checked(document, tables, _around(document, {}), problems)


def read_grants(path: Path, projects: Collection[str], problems: list[ConfigurationError]) -> list[GrantTable]:
    """Read a file of `[[grants]]` alone, as they stand in bot.toml. What is wrong is added to `problems`."""
    document = _document(path, problems)
    if document is None:
        return []
    others = [key for key in document.tables if key != "grants"]
    problems.extend(document.problem((key,), "Only [[grants]] may stand in this file.") for key in others)
    tables = {"grants": document.tables.get("grants", [])}
    checked = _checked(document, tables, Around({}, [], list(projects)), problems)
    return checked.grants if checked else []


def _document(path: Path, problems: list[ConfigurationError]) -> Document | None:
    text = _text(path, problems)
    return None if text is None else toml.parse(str(path), text, problems)


def _around(document: Document, environ: Mapping[str, str]) -> Around:
    return Around(environ, _declared(document, "credentials"), _declared(document, "projects"))


def _checked(
    document: Document, tables: Mapping[str, Any], around: Around, problems: list[ConfigurationError]
) -> ConfigFile | None:
    try:
        return ConfigFile.model_validate(tables, context=around)
    except ValidationError as refusal:
        problems.extend(document.problem(_path(error), _sentence(error)) for error in refusal.errors(include_url=False))
        return None


def _text(path: Path, problems: list[ConfigurationError]) -> str | None:
    try:
        return path.read_text("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        sentence = "The file is not UTF-8 text. Save it as UTF-8."
    except FileNotFoundError:
        sentence = "There is no such file. Write one, or name another with --config or BOT_CONFIG."
    except (OSError, ValueError) as refusal:
        why = refusal.strerror if isinstance(refusal, OSError) else "its path cannot be used"
        sentence = f"The file cannot be read: {why}."
    problems.append(ConfigurationError(str(path), None, "", sentence))
    return None


def _declared(document: Document, table: str) -> list[str]:
    """Names as written, right or wrong inside, so that one problem does not make others."""
    return list(_dict(document.tables.get(table)))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _unclear_bindings(document: Document) -> Iterator[ConfigurationError]:
    bindings = document.tables.get("bindings")
    for index, binding in enumerate(bindings if isinstance(bindings, list) else []):
        named = [key for key in SELECTORS if key in binding] if isinstance(binding, dict) else [""]
        if len(named) != 1:
            found = f"Here stand {' and '.join(named)}." if named else "Here stands none."
            sentence = f"Write exactly one of server, server_id, tag and disks. {found}"
            yield document.problem(("bindings", index), sentence)


def _doubled_projects(document: Document) -> Iterator[ConfigurationError]:
    """Two aliases of one cloud project would each have their own ceilings and grants."""
    first: dict[tuple[str, str], str] = {}
    for alias, project in _dict(document.tables.get("projects")).items():
        project_id, region = _dict(project).get("project_id"), _dict(project).get("region")
        if not (isinstance(project_id, str) and isinstance(region, str)):
            continue
        earlier = first.setdefault((project_id.lower(), region), alias)
        if earlier != alias:
            line = document.lines["projects", earlier]
            sentence = f"This is the project of {earlier} (line {line}). Keep one alias."
            yield document.problem(("projects", alias, "project_id"), sentence)


def _programs(document: Document) -> Iterator[ConfigurationError]:
    """Names and places of programs that lead nowhere."""
    tokens, grants = _declared(document, "tokens"), document.tables.get("grants")
    if "api" in document.tables and not tokens:
        yield document.problem(("api",), "No program can ask: there is no [tokens.NAME]. Add one, or take [api] out.")
    for index, grant in enumerate(grants if isinstance(grants, list) else []):
        kind, _, name = str(_dict(grant).get("subject", "")).partition(":")
        if kind == "token" and name not in tokens:
            sentence = f"There is no {toml.place_name(('tokens', name))}. {nearest(name, tokens)}"
            yield document.problem(("grants", index, "subject"), sentence)
    for alias, project in _dict(document.tables.get("projects")).items():
        channel, channels = _dict(project).get("api_channel"), _dict(project).get("channels")
        if isinstance(channels, list) and channels and channel is not None and channel not in channels:
            sentence = "The project can't be used from there: it is none of its channels. Add it there, or name one."
            yield document.problem(("projects", alias, "api_channel"), sentence)


def _path(error: ErrorDetails) -> KeyPath:
    """pydantic's location without what is not in the file: the kind of a credential, and its mark for keys."""
    path = error["loc"]
    if path[0] == "credentials" and len(path) > 2 and path[2] in CREDENTIALS:
        path = (*path[:2], *path[3:])
    is_about_the_name = path[-1] == "[key]" and error["type"] == "value_error"
    return path[:-1] if is_about_the_name else path


def _sentence(error: ErrorDetails) -> str:
    key = str(_path(error)[-1])
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "missing":
            return f"{key} is missing. Write {key} = {_example(error)}."
        case "extra_forbidden":
            return _unknown_key(error)
        case "union_tag_not_found" | "union_tag_invalid":
            return 'Write kind = "password", "access_key" or "agency".'
        case "timezone_aware":
            return "The time has no zone. Write Z after it for UTC, such as 2026-12-31T00:00:00Z."
        case "finite_number":
            return f"Write a finite number, such as {_example(error)}."
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"Write this as a table of its own; here stands {_kind(error['input'])}."
        case wrong_type:
            wanted = _WANTED.get(wrong_type, "another value")
            example = f", such as {_example(error)}" if _example(error) else ""
            return f"Write {wanted}{example}; here stands {_kind(error['input'])}."


def _unknown_key(error: ErrorDetails) -> str:
    path = _path(error)
    if variable := _VARIABLES.get(path):
        return f"This stands in the environment, not in the file. Set {variable}."
    model = _model(error["loc"])
    what = "key" if model is not ConfigFile else "table"
    return f"There is no such {what}. {nearest(str(path[-1]), list(model.model_fields))}"


def _example(error: ErrorDetails) -> str:
    # An entry of a list has no field of its own.
    names = [name for name in _path(error) if isinstance(name, str)]
    field = _model(error["loc"]).model_fields.get(names[-1])
    return str(field.examples[0]) if field and field.examples else ""


def _model(path: tuple[int | str, ...]) -> type[Table]:
    """Whose key stands at the end of one of pydantic's locations."""
    if len(path) == 1:
        return ConfigFile
    if path[0] == "credentials":
        return CREDENTIALS.get(str(path[2]), ConfigFile) if len(path) > 2 else ConfigFile
    return TABLES[str(path[0])]


def _kind(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "something else")
