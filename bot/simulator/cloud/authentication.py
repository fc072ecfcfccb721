"""Who calls, and may they: tokens and signatures, as the gateway and EVS check them.

Source: devg-apisign, api-sign-0001 and api-sign-errorcode; EVS API reference, error codes.
"""

import hmac
from datetime import timedelta
from fnmatch import fnmatchcase

from bot.simulator.cloud import errors, signatures
from bot.simulator.cloud.calls import Call, Principal, Route
from bot.simulator.cloud.world import AccessKey

CLOCK_DIFFERENCE = timedelta(minutes=15)
FAILURES_ALLOWED = 5
ALIASES = {"ecs:cloudServers:list": "ecs:cloudServers:listServersDetails"}
"""The names that identity policies have for the same right. Source: ECS API reference, Querying Details About ECSs."""
LOCKED_FOR = timedelta(minutes=5)


def identify(call: Call) -> Principal:
    """Find out who calls, by token or by signature. Raises ApiError when that fails."""
    if token := call.headers.get("X-Auth-Token"):
        return _by_token(call, token)
    if authorization := call.headers.get("Authorization"):
        return _by_signature(call, authorization)
    raise errors.unauthenticated("x-auth-token not found")


def admit(call: Call, principal: Principal) -> None:
    """Let the caller into the project that the path names, or raise ApiError."""
    project_id = call.params["project_id"]
    if principal.by == "token":
        if principal.project_id != project_id:
            raise errors.token_refused(call.world.switches.project_error, "decrypt token fail")
        return
    try:
        project = call.world.project(project_id)
    except KeyError:
        raise errors.evs(400, "EVS.0001", "invalid tenant id!") from None
    if principal.projects is not None and project.name not in principal.projects:
        raise errors.evs(403, "EVS.5403", "Policy check failed.")


def authorize(call: Call, route: Route) -> None:
    """Refuse a call for which the caller lacks a right. Source: EVS error codes, EVS.2056; ECS error codes."""
    assert call.principal is not None
    missing = [one for one in (route.action, *route.also) if one and not _may(call, call.principal.user, one)]
    if not missing:
        return
    if route.access == "known":
        raise errors.iam(403, f"You are not authorized to perform the requested action: {missing[0]}.")
    if route.service == "evs":
        raise errors.evs(403, "EVS.2056", "action in pdp check deny!")
    if call.world.switches.servers_refused_with == "Pdp.0001":
        raise errors.evs(403, "Pdp.0001", f"Policy does not allow {missing[0]} to be performed.")
    raise errors.evs(403, "Ecs.0003", "You do not have permission to perform this action.")


def _may(call: Call, user: str, action: str) -> bool:
    """Whether a user or the agency has a right: denials win, and a star stands for any text."""
    allowed, denied = call.world.actions_of(user)
    names = (action, ALIASES.get(action, action))

    def among(patterns: list[str]) -> bool:
        return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)

    return (allowed is None or among(allowed)) and not among(denied + call.world.switches.denied_actions)


def _by_token(call: Call, text: str) -> Principal:
    token = call.world.tokens.get(text)
    if token is None:
        raise errors.token_refused(call.world.switches.token_error, "decrypt token fail")
    if call.now >= token.expires_at:
        raise errors.token_refused(call.world.switches.token_error, "token expires")
    return Principal(token.user, token.projects, token.project_id, "token")


def _by_signature(call: Call, header: str) -> Principal:
    authorization = signatures.parse_authorization(header)
    if authorization is None:
        raise errors.unauthenticated("Unauthorized")
    key = next((key for key in call.world.access_keys if key.access == authorization.access), None)
    if key is None:
        raise errors.unauthenticated(f"Get secretKey failed,ak:{authorization.access},err:ak not exist")
    _refuse(call, key)
    if key.locked_until is not None:
        if call.now < key.locked_until:
            raise errors.unauthenticated("AK access failed to reach the limit,forbidden")
        key.locked_until, key.failures = None, 0
    if (problem := _problem_with(call, key, authorization)) is not None:
        key.failures += 1
        if key.failures > FAILURES_ALLOWED:
            key.locked_until = call.now + LOCKED_FOR
        raise errors.unauthenticated(problem)
    key.failures = 0
    return Principal(key.user, key.projects, None, "signature")


def _refuse(call: Call, key: AccessKey) -> None:
    """Raises ApiError where a switch says that no key counts any more. Source: IAM API reference, error codes."""
    match call.world.switches.key_refused_with:
        case "IAM.0080":
            message = f"The user {key.user} with access key {key.access} is disabled."
            raise errors.ApiError(403, "IAM.0080", message, "iam-extended")
        case "IAM.1105":
            raise errors.ApiError(400, "IAM.1105", f"The access key {key.access} has expired.", "iam-extended")
        case "IAM.1108":
            raise errors.ApiError(400, "IAM.1108", "The securitytoken has expired.", "iam-extended")
        case "":
            pass


def _problem_with(call: Call, key: AccessKey, authorization: signatures.Authorization) -> str | None:
    canonical = signatures.canonical_request(
        call.method, call.target, call.headers, authorization.signed_headers, call.raw_body
    )
    wrong = f"verify aksk signature fail,canonicalRequest:{canonical.replace(chr(10), '|')}"
    signed_at = signatures.signed_at(call.headers)
    if signed_at is None or abs(call.now - signed_at) > CLOCK_DIFFERENCE:
        return wrong
    if key.security_token is not None:
        given = call.headers.get("X-Security-Token", "")
        if not hmac.compare_digest(given.encode(), key.security_token.encode()):
            return "decrypt token fail"
        if key.expires_at is not None and call.now >= key.expires_at:
            return "token expires"
    expected = signatures.signature(key.secret, call.headers["X-Sdk-Date"], canonical)
    return None if hmac.compare_digest(expected, authorization.signature) else wrong
