"""The metadata service of a virtual machine: keys of its agency.

Source: huaweicloudsdkcore, MetadataAccessor; ECS user guide, metadata.
"""

import secrets
from datetime import timedelta

from bot.simulator.cloud.calls import Answer, Call, Route
from bot.simulator.cloud.iam import credential, temporary_key
from bot.simulator.cloud.world import Token

_TOKEN_USER = "metadata service"
RENEWED_BEFORE_END = 0.5


def metadata_token(call: Call) -> Answer:
    """PUT /meta-data/latest/api/token: a text token, or 404 where metadata tokens are not in force."""
    if not call.world.switches.metadata_token_required:
        return _text(404, "Not Found")
    try:
        lifetime_s = int(call.headers.get("X-Metadata-Token-Ttl-Seconds", ""))
    except ValueError:
        return _text(400, "X-Metadata-Token-Ttl-Seconds is missing or malformed")
    token = secrets.token_urlsafe(32)
    call.world.tokens[token] = Token(_TOKEN_USER, [], None, call.now + timedelta(seconds=lifetime_s))
    return _text(200, token)


def metadata_key(call: Call) -> Answer:
    """GET /openstack/latest/securitykey: the agency's temporary key, renewed after half its life."""
    world = call.world
    if world.switches.metadata_token_required:
        token = world.tokens.get(call.headers.get("X-Metadata-Token", ""))
        if token is None or token.user != _TOKEN_USER or call.now >= token.expires_at:
            return _text(401, "Unauthorized")
    agency = world.agency
    if agency is None:
        return _text(401, "Please configure Cloud Service Agency first.")
    lifetime = timedelta(seconds=world.timing.agency_key_seconds)
    fresh_until = call.now + lifetime * RENEWED_BEFORE_END
    for key in world.access_keys:
        if key.user == agency.name and key.expires_at is not None and key.expires_at > fresh_until:
            return Answer(200, {"credential": credential(key)})
    key = temporary_key(agency.name, agency.projects, call.now + lifetime)
    world.access_keys.append(key)
    return Answer(200, {"credential": credential(key)})


def _text(status: int, text: str) -> Answer:
    return Answer(status, content=text.encode(), content_type="text/plain")


ROUTES = (
    Route("PUT", "/meta-data/latest/api/token", "metadata_token", metadata_token, "open"),
    Route("GET", "/openstack/latest/securitykey", "metadata_key", metadata_key, "open"),
)
