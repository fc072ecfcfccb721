"""The official SDK of Huawei Cloud, as its documentation shows it. It comes with the extra `bench`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from tests.bench.world import ACCESS_KEY, SECRET_KEY, SHOP


def has_sdk() -> bool:
    return find_spec("huaweicloudsdkevs") is not None


def client_by_sdk(cloud_url: str, project: str = SHOP) -> Any:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkevs.v2 import EvsClient

    credentials = BasicCredentials(ACCESS_KEY, SECRET_KEY, project)
    return EvsClient.new_builder().with_credentials(credentials).with_endpoint(cloud_url).build()


def create_by_sdk(client: Any) -> Callable[[str], Any]:
    """A call that creates a standard snapshot of one disk, and blocks until the cloud has answered."""
    from huaweicloudsdkevs.v2 import (
        CreateStandardSnapshot,
        CreateStandardSnapshotRequest,
        CreateStandardSnapshotRequestBody,
    )

    def create(disk: str) -> Any:
        snapshot = CreateStandardSnapshot(volume_id=disk, name="bench", tags={"kept": "7"})
        body = CreateStandardSnapshotRequestBody(snapshot=snapshot)
        return client.create_standard_snapshot(CreateStandardSnapshotRequest(body=body))

    return create


def status_by_sdk(client: Any) -> Callable[[str], str]:
    """A call that asks how a standard snapshot stands."""
    from huaweicloudsdkevs.v2 import ShowStandardSnapshotRequest

    def status(snapshot_id: str) -> str:
        return str(client.show_standard_snapshot(ShowStandardSnapshotRequest(snapshot_id=snapshot_id)).snapshot.status)

    return status
