"""The policies of docs/cloud-rights.md, for users of the simulated cloud."""

import json
import re
from pathlib import Path


def policy(version: str = "1.1", effect: str = "Allow", *, restoring: bool = False) -> list[str]:
    """The actions of a policy in docs/cloud-rights.md. `restoring`: with what a project adds where it restores."""
    guide = (Path(__file__).parents[2] / "docs/cloud-rights.md").read_text(encoding="utf-8")
    documents = [json.loads(text) for text in re.findall(r"```json\n(.*?)\n```", guide, re.DOTALL)]
    plain, by_identity, added, denied = (document["Statement"][0]["Action"] for document in documents)
    chosen = denied if effect == "Deny" else by_identity if version == "5.0" else plain
    return [*chosen, *(added if restoring else ())]
