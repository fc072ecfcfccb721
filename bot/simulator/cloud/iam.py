"""IAM: tokens, projects and temporary keys.

Source: IAM API reference: password token, agency token, temporary keys, project lists, error codes.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.authentication import identify
from bot.simulator.cloud.calls import Answer, Call, Principal, Route
from bot.simulator.cloud.world import AccessKey, Agency, IamRefusal, Project, Token, User

INVALID_BODY = "The request body is invalid"
WRONG_PASSWORD = "The username or password is wrong."


def iam_time(moment: datetime) -> str:
    """IAM writes microseconds and a Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def create_token(call: Call) -> Answer:
    """POST /v3/auth/tokens, with a password or for the agency."""
    match _identity(call):
        case {
            "methods": ["password"] | ["password", "totp"] as methods,
            "password": {"user": {"password": str(password)} as who},
            **rest,
        }:
            user = _user_with(call, who, password, passcode=_passcode(rest) if "totp" in methods else "")
            name, user_id, allowed, caller = user.name, user.id, user.projects, None
        case {"methods": ["assume_role"], "assume_role": {"agency_name": str()} as details}:
            caller, agency = _caller(call), _agency(call, details)
            name, user_id, allowed = f"{call.world.domain_name}/{agency.name}", call.world.domain_id, agency.projects
        case _:
            raise errors.iam(400, INVALID_BODY)
    project = _scope(call, allowed)
    token = f"MII{secrets.token_urlsafe(48)}"
    expires_at = call.now + timedelta(seconds=call.world.timing.token_seconds)
    call.world.tokens[token] = Token(name, allowed, None if project is None else project.project_id, expires_at)
    domain = {"id": call.world.domain_id, "name": call.world.domain_name}
    body: dict[str, Any] = {
        "catalog": [] if "nocatalog" in call.query else catalog(call, project),
        "expires_at": iam_time(expires_at),
        "issued_at": iam_time(call.now),
        "methods": call.body["auth"]["identity"]["methods"],
        "roles": [{"id": "0", "name": "te_admin"}],
        "user": {"id": user_id, "name": name, "domain": domain},
    }
    if caller is None:
        body["user"]["password_expires_at"] = ""
    else:
        body["assumed_by"] = {"user": {"id": "", "name": caller.user, "domain": domain}}
    if project is None:
        body["domain"] = domain
    else:
        body["project"] = {"id": project.project_id, "name": project.iam_name, "domain": domain}
    return Answer(201, {"token": body}, {"X-Subject-Token": token})


def list_projects(call: Call) -> Answer:
    """GET /v3/projects: filters domain_id, name, parent_id and enabled; page with per_page."""
    domain_id, query = call.world.domain_id, call.query
    found = [
        project_shown(call, project)
        for project in call.world.projects
        if query.get("name", project.iam_name) == project.iam_name
        and query.get("domain_id", domain_id) == domain_id
        and query.get("parent_id", domain_id) == domain_id
        and query.get("enabled", "true") == "true"
    ]
    if "page" in query and "per_page" in query:
        try:
            page, size = int(query["page"]), int(query["per_page"])
        except ValueError:
            raise errors.iam(400, "Request parameter page is invalid.") from None
        if page < 1 or not 1 <= size <= 5000:
            raise errors.iam(400, "Request parameter per_page is invalid.")
        found = found[(page - 1) * size : page * size]
    return Answer(200, {"projects": found, "links": {"self": f"{call.base_url}/v3/projects"}})


def list_auth_projects(call: Call) -> Answer:
    """GET /v3/auth/projects: what the caller may use."""
    assert call.principal is not None
    allowed = call.principal.projects
    found = [
        project_shown(call, project) for project in call.world.projects if allowed is None or project.name in allowed
    ]
    return Answer(200, {"projects": found, "links": {"self": f"{call.base_url}/v3/auth/projects"}})


def create_temporary_key(call: Call) -> Answer:
    """POST /v3.0/OS-CREDENTIAL/securitytokens, from a token or for the agency; lives 15 minutes unless told."""
    match _identity(call):
        case {"methods": ["token"], **rest}:
            details = rest.get("token", {})
            caller = _caller(call)
            user, allowed = caller.user, caller.projects
        case {"methods": ["assume_role"], "assume_role": {"agency_name": str()} as details}:
            _caller(call)
            agency = _agency(call, details)
            user, allowed = agency.name, agency.projects
        case _:
            raise errors.iam(400, INVALID_BODY)
    seconds = details.get("duration_seconds", 900) if isinstance(details, dict) else None
    if type(seconds) is not int or not 900 <= seconds <= 86_400:
        raise errors.iam(400, INVALID_BODY)
    key = temporary_key(user, allowed, call.now + timedelta(seconds=seconds))
    call.world.access_keys.append(key)
    return Answer(201, {"credential": credential(key)})


def temporary_key(user: str, projects: list[str] | None, expires_at: datetime) -> AccessKey:
    """Make up a temporary AK/SK pair with its security token."""
    access = f"SIMTEMP{secrets.token_hex(7).upper()}"
    return AccessKey(access, secrets.token_hex(20), user, projects, secrets.token_urlsafe(60), expires_at)


def credential(key: AccessKey) -> dict[str, str]:
    """A temporary key as IAM and the metadata service hand it out."""
    assert key.security_token is not None
    assert key.expires_at is not None
    return {
        "access": key.access,
        "secret": key.secret,
        "securitytoken": key.security_token,
        "expires_at": iam_time(key.expires_at),
    }


def catalog(call: Call, project: Project | None) -> list[dict[str, Any]]:
    """The services of a project and their addresses; without one, IAM alone."""
    roots = {name: call.roots.get(name, call.base_url) for name in ("evs", "ecs")}
    services = [("identity", "iam", f"{call.base_url}/v3")]
    if project is not None:
        services += [
            ("volumev2", "evs", f"{roots['evs']}/v2/{project.project_id}"),
            ("volumev3", "evs", f"{roots['evs']}/v3/{project.project_id}"),
            ("compute", "ecs", f"{roots['ecs']}/v2.1/{project.project_id}"),
        ]
    region = "*" if project is None else project.region
    return [
        {
            "id": f"{kind}-service",
            "type": kind,
            "name": name,
            "endpoints": [
                {"id": f"{kind}-public", "interface": "public", "region": region, "region_id": region, "url": url}
            ],
        }
        for kind, name, url in services
    ]


def _agency(call: Call, details: Mapping[str, Any]) -> Agency:
    """The agency that is asked for, in the account that has it."""
    world, agency = call.world, call.world.agency
    domain = details.get("domain_id", details.get("domain_name"))
    if domain not in (world.domain_id, world.domain_name):
        raise errors.iam(404, f"Could not find domain: {domain}.")
    if agency is None or agency.name != details["agency_name"]:
        raise errors.iam(403, "You have no right to do this action")
    return agency


def _identity(call: Call) -> dict[str, Any]:
    match call.body:
        case {"auth": {"identity": dict(identity)}}:
            return identity
        case _:
            raise errors.iam(400, INVALID_BODY)


def _caller(call: Call) -> Principal:
    try:
        return identify(call)
    except errors.ApiError:
        raise errors.iam(401, "The X-Auth-Token is invalid!") from None


REFUSALS: Mapping[IamRefusal, tuple[int, str, str]] = {
    "mfa": (401, "", WRONG_PASSWORD),
    "huawei_id": (401, "", WRONG_PASSWORD),
    "wrong_password": (401, "IAM.0062", "Incorrect password."),
    "password_expired": (401, "", "The password is expired and needs to be changed for user: {user}."),
    "locked": (401, "IAM.0061", "Account locked."),
    "disabled": (403, "IAM.0082", "The user {user} is disabled."),
    "console_only": (403, "IAM.0081", "This user only supports console access, not programmatic access."),
    "no_right": (403, "", "You have no right to do this action"),
    "private_region": (403, "IAM.0083", "The user has no access to this private region."),
    "bad_request": (400, "IAM.0011", "Request body is invalid."),
    "throttled": (429, "IAM.0012", "The throttling threshold has been reached. Threshold: 100 times per 60 seconds"),
}
"""Status, IAM's own code (or none, in the v3 shape) and message. MFA and a HUAWEI ID look like a wrong password."""


def _refuse(call: Call, who: dict[str, Any]) -> None:
    """Raises ApiError where a switch says that nobody gets a token."""
    if why := call.world.switches.iam_refuses:
        status, code, message = REFUSALS[why]
        message = message.format(user=who.get("name", ""))
        raise errors.ApiError(status, code, message, "iam-extended") if code else errors.iam(status, message)


def _passcode(identity: Mapping[str, Any]) -> str:
    """The digits of a virtual MFA device, of which any six are right here."""
    match identity:
        case {"totp": {"user": {"id": str(), "passcode": str(passcode)}}}:
            return passcode
        case _:
            raise errors.iam(400, INVALID_BODY)


def _user_with(call: Call, who: dict[str, Any], password: str, *, passcode: str) -> User:
    if call.world.switches.iam_refuses != "mfa" or not re.fullmatch(r"\d{6}", passcode):
        _refuse(call, who)
    world = call.world
    match who:
        case {"id": str(user_id)}:
            user = next((user for user in world.users if user.id == user_id), None)
        case {"name": str(name), "domain": {"name": world.domain_name} | {"id": world.domain_id}}:
            user = next((user for user in world.users if user.name == name), None)
        case {"name": str(), "domain": dict()}:
            user = None
        case _:
            raise errors.iam(400, INVALID_BODY)
    if user is None:
        raise errors.iam(401, WRONG_PASSWORD)
    if user.locked_until is not None:
        if call.now < user.locked_until:
            raise _locked(call)
        user.locked_until, user.wrong_passwords = None, 0
    if not secrets.compare_digest(user.password.encode(), password.encode()):
        user.wrong_passwords += 1
        if user.wrong_passwords >= world.switches.wrong_passwords:
            user.locked_until = call.now + timedelta(seconds=world.timing.lockout_seconds)
        raise errors.iam(401, WRONG_PASSWORD)
    user.wrong_passwords = 0
    if not user.enabled:
        raise errors.ApiError(403, "IAM.0082", f"The user {user.name} is disabled.", "iam-extended")
    if not user.programmatic_access:
        message = "This user only supports console access, not programmatic access."
        raise errors.ApiError(403, "IAM.0081", message, "iam-extended")
    return user


def _locked(call: Call) -> errors.ApiError:
    if call.world.switches.lockout_as_plain_401:
        return errors.iam(401, "Account locked.")
    return errors.ApiError(401, "IAM.0061", "Account locked.", "iam-extended")


def _scope(call: Call, allowed: list[str] | None) -> Project | None:
    """The project of the scope; None for an account-level token. A project wins over a domain."""
    match call.body["auth"].get("scope", {}):
        case {"project": {"id": str(wanted)} | {"name": str(wanted)}}:
            for project in call.world.projects:
                if wanted not in (project.project_id, project.iam_name, project.name):
                    continue
                if allowed is not None and project.name not in allowed:
                    raise errors.iam(403, "You have no right to do this action")
                return project
            raise errors.iam(404, f"Could not find project: {wanted}.")
        case {"project": _}:
            raise errors.iam(400, INVALID_BODY)
        case {"domain": {"id": str(wanted)} | {"name": str(wanted)}}:
            if wanted not in (call.world.domain_id, call.world.domain_name):
                raise errors.iam(404, f"Could not find domain: {wanted}.")
            return None
        case {}:
            return None
        case _:
            raise errors.iam(400, INVALID_BODY)


def project_shown(call: Call, project: Project) -> dict[str, Any]:
    return {
        "id": project.project_id,
        "name": project.iam_name,
        "domain_id": call.world.domain_id,
        "parent_id": call.world.domain_id,
        "description": "",
        "enabled": True,
        "is_domain": False,
        "links": {"self": f"{call.base_url}/v3/projects/{project.project_id}"},
    }


ROUTES = (
    Route("POST", "/v3/auth/tokens", "create_token", create_token, "open"),
    Route("GET", "/v3/projects", "list_projects", list_projects, "known", "iam:projects:listProjects"),
    Route("GET", "/v3/auth/projects", "list_auth_projects", list_auth_projects, "known"),
    Route("POST", "/v3.0/OS-CREDENTIAL/securitytokens", "create_temporary_key", create_temporary_key, "open"),
)
