"""The world that `snapshot-bot demo` opens with: the default cloud and workspace, people with each kind of right, and
an incident under way.
"""

from __future__ import annotations

from typing import Any

from bot.simulator.cloud.default_world import LEGACY, PAYMENTS, SHOP

CHANNEL = "#inc-demo"
PLAYED = 'quick keep=7 reason="kernel upgrade on web-01, INC-42"'
ASKED = {"user": "alice", "channel": CHANNEL, "text": f"/snapshot {PLAYED}"}
POINT = 'create spare-disk reason="before the clean-up"'
BACKED_UP = "{snapshot of web-01-data}"
ALICE, BOB, CAROL, GUS, EVE = "U0ALICE001", "U0BOB00002", "U0CAROL009", "U0GUEST003", "U0EXTUSER5"


def demo_world() -> dict[str, Any]:
    return {"bot": _bot(), "story": _story()}


def _bot() -> dict[str, Any]:
    def project(project_id: str, region: str, credentials: str, **more: Any) -> dict[str, Any]:
        return {"project_id": project_id, "region": region, "credentials": credentials, **more}

    def grant(subject: str, role: str, alias: str) -> dict[str, str]:
        return {"subject": subject, "role": role, "project": alias}

    return {
        "credentials": {
            "payments": {
                "kind": "password",
                "domain": "ACME",
                "user": "snapshot-bot",
                "password": "env:SIM_IAM_PASSWORD",
            },
            "shop": {"kind": "access_key", "access_key": "env:SIM_ACCESS_KEY", "secret_key": "env:SIM_SECRET_KEY"},
        },
        "projects": {
            "payments-prod": project(PAYMENTS, "ap-southeast-3", "payments", restore=True, notify_approvers=True),
            "shop": project(SHOP, "ap-southeast-3", "shop", approvals=1, notify_approvers=True),
            "legacy": project(LEGACY, "eu-west-0", "payments"),
        },
        "grants": [
            grant(f"user:{ALICE}", "admin", "payments-prod"),
            grant(f"user:{ALICE}", "admin", "shop"),
            grant("group:S0ONCALL02", "operator", "payments-prod"),
            grant(f"user:{BOB}", "operator", "shop"),
            grant(f"user:{BOB}", "operator", "legacy"),
            grant(f"user:{CAROL}", "viewer", "payments-prod"),
        ],
        "bindings": [{"channel": "C0INCDEMO1", "project": "payments-prod", "server": "web-01"}],
    }


def _story() -> dict[str, Any]:
    said = [
        ("bob", "Alert: web-01 answers slowly, p99 4.2 s. I opened INC-42."),
        ("alice", "Kernel bug, the fix is in the next patch. I'd upgrade web-01 now."),
        ("carol", "Before you touch it: do we have a copy of its disks from today?"),
        ("alice", "Not yet. Asking the snapshot bot for one, this channel is bound to web-01."),
    ]
    return {
        "channel": CHANNEL,
        "told": "It is 3 a.m. Alice is about to upgrade the kernel of web-01 and wants a copy of its disks first.",
        "people": [
            {"user": "alice", "role": "admin"},
            {"user": "bob", "role": "operator"},
            {"user": "carol", "role": "viewer"},
            {"user": "gus", "role": "guest"},
            {"user": "eve", "role": "outsider"},
        ],
        "said": [
            *({"user": user, "channel": CHANNEL, "text": text} for user, text in said),
            {"user": "eve", "channel": "#shared", "text": "Hello from the partner's side. Anything we should know?"},
        ],
        "opening": [{"command": ASKED}],
        "things": [
            {
                "title": "Back up web-01",
                "told": "Presses the button of the plan that waits in the channel, or of a new one once it waits no "
                "more: three disks are copied at one moment, and its thread ends with a receipt.",
                "user": "alice",
                "channel": CHANNEL,
                "steps": [{"press": ASKED}],
            },
            {
                "title": "Kill the bot half-way",
                "told": "Bob asks for db-01's disks; once the cloud begins a copy, of his request or of another that "
                "comes in between, the bot is killed, and four seconds later it comes back. Nothing is lost, and "
                "nothing is made twice: see Cloud.",
                "user": "bob",
                "channel": CHANNEL,
                "steps": [
                    {
                        "command": {
                            "user": "bob",
                            "channel": CHANNEL,
                            "text": '/snapshot quick server=db-01 confirm=no reason="before the failover"',
                        }
                    },
                    {"until": "creating"},
                    {"bot": "kill"},
                    {"wait": 4},
                    {"bot": "start"},
                ],
            },
            {
                "title": "Ask without the right",
                "told": "Carol may look, not order. She alone is told so, with who can change it; Trail has the "
                "refusal.",
                "user": "carol",
                "channel": CHANNEL,
                "steps": [{"command": {"user": "carol", "channel": CHANNEL, "text": "/snapshot create orders-db"}}],
            },
            {
                "title": "Go back to a snapshot",
                "told": (
                    "Bob copies spare-disk and looks for the way back. Press Restore… on what he sees: new disks, the "
                    "disk itself rolled back (Alice has to agree), or only a proof that it can be done."
                ),
                "user": "bob",
                "channel": CHANNEL,
                "steps": [
                    {"command": {"user": "bob", "channel": CHANNEL, "text": f"/snapshot {POINT}"}},
                    {"until": "creating"},
                    {"until": "ended"},
                    {"wait": 5},
                    {"command": {"user": "bob", "channel": CHANNEL, "text": "/snapshot restore-points"}},
                ],
            },
            {
                "title": "Overwrite web-01-data",
                "told": "After the backup: the disk is detached, and Bob asks to roll it back. The rest is yours: type "
                "its name as Bob, agree as Alice, and attach it again under Cloud.",
                "user": "bob",
                "channel": CHANNEL,
                "steps": [
                    {"plug": {"disk": "web-01-data", "attached": False}},
                    {
                        "command": {
                            "user": "bob",
                            "channel": CHANNEL,
                            "text": f"/snapshot restore {BACKED_UP} overwrite",
                        }
                    },
                ],
            },
        ],
    }
