"""The world that people meet in the demo: one account, three projects, disks of every sort. Nothing in it is real.

Two of the projects are named like their regions in IAM, as every account has them; the third is one made beside.
"""

from typing import Any

from bot.simulator.cloud.world import CloudWorld

PAYMENTS = "0123456789abcdef0123456789abcdef"
SHOP = "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b"
LEGACY = "1e9ac71e9ac71e9ac71e9ac71e9ac700"

WEB_01 = "77777777-0001-4000-8000-000000000001"
DB_01 = "77777777-0002-4000-8000-000000000002"
CACHE_01 = "77777777-0003-4000-8000-000000000003"
SHOP_01 = "77777777-0004-4000-8000-000000000004"
OLD_01 = "77777777-0005-4000-8000-000000000005"
ARCHIVE_01 = "77777777-0006-4000-8000-000000000006"
EDGE_ZONE = "ap-southeast-3-edge-1"
FINANCE = "f1a7ce00-0000-4000-8000-0000000000e1"

PROD = {"tier": "prod"}
SERVER_NAMES = {
    WEB_01: "web-01",
    DB_01: "db-01",
    CACHE_01: "cache-01",
    SHOP_01: "shop-01",
    OLD_01: "old-01",
    ARCHIVE_01: "archive-01",
}


def default_world() -> CloudWorld:
    """A fresh copy of the default world, without snapshots."""
    return CloudWorld.from_dict(
        {
            "domain_name": "ACME",
            "projects": [
                {
                    "name": "payments-prod",
                    "project_id": PAYMENTS,
                    "region": "ap-southeast-3",
                    "iam_name": "ap-southeast-3",
                },
                {"name": "shop", "project_id": SHOP, "region": "ap-southeast-3"},
                {
                    "name": "legacy",
                    "project_id": LEGACY,
                    "region": "eu-west-0",
                    "iam_name": "eu-west-0",
                    "v5_offered": False,
                    "groups_offered": False,
                },
            ],
            "users": [
                {
                    "name": "snapshot-bot",
                    "id": "05e2b07e0000000000000000000000b0",
                    "password": "sim-password-not-a-secret",
                }
            ],
            "access_keys": [
                {
                    "access": "SIMAK000000000000001",
                    "secret": "sim-sk-not-a-secret-000000000000000000001",
                    "user": "snapshot-bot",
                }
            ],
            "agency": {"name": "snapshot-bot-agency"},
            "edge_zones": [EDGE_ZONE],
            "enterprise_projects": {"0": "default", FINANCE: "finance"},
            "servers": _servers(),
            "disks": [*_payments_disks(), *_shop_disks(), _disk(LEGACY, 31, "old-data", "eu-west-0a", server=OLD_01)],
        }
    )


def _servers() -> list[dict[str, Any]]:
    """One with its physical host in sight, the others without, as most customers see them."""
    projects = {SHOP_01: SHOP, OLD_01: LEGACY}
    return [
        {
            "id": server_id,
            "name": name,
            "project_id": projects.get(server_id, PAYMENTS),
            "availability_zone": "eu-west-0a" if server_id == OLD_01 else "ap-southeast-3a",
            "host": "pod07.host" if server_id == DB_01 else None,
        }
        for server_id, name in SERVER_NAMES.items()
    ]


def _payments_disks() -> list[dict[str, Any]]:
    def disk(number: int, name: str, zone: str = "ap-southeast-3a", **fields: Any) -> dict[str, Any]:
        return _disk(PAYMENTS, number, name, zone, **fields)

    return [
        disk(1, "web-01-system", server=WEB_01, volume_type="GPSSD", size_gb=40, bootable=True, tags=PROD),
        disk(2, "web-01-data", server=WEB_01, device="/dev/vdb", size_gb=200, tags=PROD),
        disk(3, "web-01-logs", server=WEB_01, device="/dev/vdc", volume_type="SAS", size_gb=100),
        disk(4, "orders-db", server=DB_01, size_gb=500, tags=PROD | {"app": "orders"}),
        disk(5, "orders-db-wal", "ap-southeast-3b", server=DB_01, device="/dev/vdb", volume_type="ESSD", size_gb=100,
             tags=PROD | {"app": "orders"}),
        disk(6, "payload-archive-db", server=ARCHIVE_01, size_gb=1000, tags={"tier": "archive"}),
        disk(7, "scratch", status="available", size_gb=50),
        disk(8, "scratch", "ap-southeast-3b", status="available", size_gb=80),
        disk(9, "cache-01-data", server=CACHE_01, status="error_extending", size_gb=60),
        disk(10, "broken-index", status="error", size_gb=120),
        disk(11, "cold-store", server=CACHE_01, device="/dev/vdb", volume_type="SATA", size_gb=2000),
        disk(12, "spare-disk", "ap-southeast-3c", status="available", size_gb=100),
        disk(13, "vault-data", server=CACHE_01, device="/dev/vdc", size_gb=300, tags=PROD,
             cmk_id="c0ffee00-0000-4000-8000-00000000c3f1", enterprise_project_id=FINANCE),
        disk(14, "edge-cache", EDGE_ZONE, status="available", size_gb=30),
    ]  # fmt: skip


def _shop_disks() -> list[dict[str, Any]]:
    def disk(number: int, name: str, **fields: Any) -> dict[str, Any]:
        return _disk(SHOP, number, name, "ap-southeast-3a", **fields)

    return [
        disk(21, "shop-01-system", server=SHOP_01, volume_type="GPSSD", bootable=True),
        disk(22, "shop-01-data", server=SHOP_01, device="/dev/vdb", size_gb=150, tags=PROD),
        disk(23, "catalogue", status="available", size_gb=80, volume_type="GPSSD2"),
    ]


def _disk(
    project_id: str, number: int, name: str, zone: str, *, server: str = "", device: str = "/dev/vda", **fields: Any
) -> dict[str, Any]:
    """One disk; its id counts up in a pattern that is easy to recognise."""
    attached = [{"server_id": server, "device": device}] if server else []
    return {
        "id": f"d15c0000-{number:04d}-4000-8000-{number:012d}",
        "name": name,
        "project_id": project_id,
        "availability_zone": zone,
        "attachments": attached,
        **fields,
    }
