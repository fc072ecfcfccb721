"""The files of a workspace, with their content: uploaded by the app, or handed in by a person in a form.

Source: docs.slack.dev, reference/objects/file-object.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from typing import Any


@dataclass
class SharedFile:
    """One file; `size` is in bytes as announced, and `received` says that its content came."""

    id: str
    name: str
    size: int
    created: int
    user: str
    title: str = ""
    content: bytes = b""
    received: bool = False
    complete: bool = False
    deleted: bool = False
    channels: list[str] = field(default_factory=list)


class FileStore:
    """Files by id."""

    def __init__(self) -> None:
        self._files: dict[str, SharedFile] = {}

    def add(self, name: str, size: int, created: float, user: str) -> SharedFile:
        """A file whose content is still to come."""
        made = SharedFile(f"F0SIM{len(self._files) + 1:05d}", name, size, int(created), user)
        self._files[made.id] = made
        return made

    def handed_in(self, name: str, content: bytes, created: float, user: str) -> SharedFile:
        """A file that a person gave, complete at once."""
        made = self.add(name, len(content), created, user)
        made.title, made.content, made.received, made.complete = name, content, True, True
        return made

    def get(self, file_id: str) -> SharedFile | None:
        return self._files.get(file_id)


def extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def file_json(file: SharedFile, url: str) -> dict[str, Any]:
    """The file object of the Web API and of payloads; `url` is the root of the workspace."""
    private = f"{url}/files/{file.id}/{file.name}"
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "filetype": extension(file.name),
        "user": file.user,
        "editable": False,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": bool(file.channels),
        "url_private": private,
        "url_private_download": private,
        "channels": list(file.channels),
        "groups": [],
        "ims": [],
    }
