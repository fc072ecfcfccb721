"""The policies of docs/cloud-rights.md, for users of the simulated cloud."""

import json
import re
from pathlib import Path


def policy(version: str = "1.1", effect: str = "Allow") -> list[str]:
    """The actions of a policy in docs/cloud-rights.md."""
    guide = (Path(__file__).parents[2] / "docs/cloud-rights.md").read_text(encoding="utf-8")
    documents = [json.loads(text) for text in re.findall(r"```json\n(.*?)\n```", guide, re.DOTALL)]
    [actions] = [
        statement["Action"]
        for document in documents
        for statement in document["Statement"]
        if (document["Version"], statement["Effect"]) == (version, effect)
    ]
    return list(actions)
