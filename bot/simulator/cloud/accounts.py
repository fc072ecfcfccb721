"""What an account can read of itself: IAM's versions, catalog, tokens and domains; enterprise projects; STS.

Any OIDC token that is not empty is believed.
Source: IAM API reference; EPS API reference, listing enterprise projects; huaweicloudsdkcore, `auth/internal.py`.
"""

from datetime import timedelta
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route
from bot.simulator.cloud.iam import catalog, iam_time, project_shown, temporary_key
from bot.simulator.cloud.world import Token


def list_versions(call: Call) -> Answer:
    """GET /."""
    return Answer(300, {"versions": {"values": [_version(call)]}})


def show_version(call: Call) -> Answer:
    """GET /v3."""
    return Answer(200, {"version": _version(call)})


def show_catalog(call: Call) -> Answer:
    """GET /v3/auth/catalog: of the project of the token."""
    project_id = None if call.principal is None else call.principal.project_id
    services = catalog(call, None if project_id is None else call.world.project(project_id))
    return Answer(200, {"catalog": services, "links": {"self": f"{call.base_url}/v3/auth/catalog"}})


def show_token(call: Call) -> Answer:
    """GET /v3/auth/tokens: whose the token in X-Subject-Token is."""
    text = call.headers.get("X-Subject-Token", "")
    token = call.world.tokens.get(text)
    if token is None or call.now >= token.expires_at:
        raise errors.iam(404, "Could not find token.")
    return Answer(200, {"token": _token_shown(call, token)}, {"X-Subject-Token": text})


def list_auth_domains(call: Call) -> Answer:
    """GET /v3/auth/domains: the one account."""
    domain = {
        "id": call.world.domain_id,
        "name": call.world.domain_name,
        "description": "",
        "enabled": True,
        "links": {"self": f"{call.base_url}/v3/domains/{call.world.domain_id}"},
    }
    return Answer(200, {"domains": [domain], "links": {"self": f"{call.base_url}/v3/auth/domains"}})


def show_project(call: Call) -> Answer:
    """GET /v3/projects/{project_id}."""
    for project in call.world.projects:
        if project.project_id == call.params["one_project_id"]:
            return Answer(200, {"project": project_shown(call, project)})
    raise errors.iam(404, f"Could not find project: {call.params['one_project_id']}.")


def list_enterprise_projects(call: Call) -> Answer:
    """GET /v1.0/enterprise-projects: filters id and name."""
    query = call.query
    rows = [
        {
            "id": project_id,
            "name": name,
            "description": "",
            "status": 1,
            "type": "prod",
            "created_at": "2026-01-05T09:00:00Z",
            "updated_at": "2026-01-05T09:00:00Z",
        }
        for project_id, name in call.world.enterprise_projects.items()
        if query.get("id", project_id) == project_id and query.get("name", name) == name
    ]
    return Answer(200, {"enterprise_projects": rows, "total_count": len(rows)})


def show_caller(call: Call) -> Answer:
    """GET /v5/caller-identity."""
    assert call.principal is not None
    account, user = call.world.domain_id, call.principal.user
    return Answer(200, {"account_id": account, "principal_id": user, "principal_urn": f"iam::{account}:user:{user}"})


def assume_with_oidc(call: Call) -> Answer:
    """POST /v5/agencies/assume-with-oidc: a temporary key of the agency that `agency_urn` ends with."""
    match call.body:
        case {"agency_urn": str(urn), "provider_urn": str(), "agency_session_name": str(), "id_token": str(token)}:
            seconds = call.body.get("duration_seconds", 3600)
        case _:
            raise errors.ApiError(400, "STS5.0001", "The request body is invalid.", "iam-extended")
    agency = call.world.agency
    if agency is None or urn.rpartition(":")[2] != agency.name or not token:
        raise errors.ApiError(403, "STS5.0006", "You have no right to do this action.", "iam-extended")
    key = temporary_key(agency.name, agency.projects, call.now + timedelta(seconds=seconds))
    call.world.access_keys.append(key)
    credentials = {
        "access_key_id": key.access,
        "secret_access_key": key.secret,
        "security_token": key.security_token,
        "expiration": iam_time(call.now + timedelta(seconds=seconds)),
    }
    return Answer(201, {"credentials": credentials})


def _version(call: Call) -> dict[str, Any]:
    return {
        "id": "v3.6",
        "status": "stable",
        "updated": "2016-04-04T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.base_url}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def _token_shown(call: Call, token: Token) -> dict[str, Any]:
    domain = {"id": call.world.domain_id, "name": call.world.domain_name}
    user_id = next((user.id for user in call.world.users if user.name == token.user), call.world.domain_id)
    project = None if token.project_id is None else call.world.project(token.project_id)
    scope: dict[str, Any] = {"domain": domain}
    if project is not None:
        scope = {"project": {"id": project.project_id, "name": project.iam_name, "domain": domain}}
    return {
        "catalog": [] if "nocatalog" in call.query else catalog(call, project),
        "expires_at": iam_time(token.expires_at),
        "issued_at": iam_time(token.expires_at - timedelta(seconds=call.world.timing.token_seconds)),
        "methods": ["password"],
        "roles": [{"id": "0", "name": "te_admin"}],
        "user": {"id": user_id, "name": token.user, "domain": domain, "password_expires_at": ""},
        **scope,
    }


_EPS = "/v1.0/enterprise-projects"
ROUTES = (
    Route("GET", "/", "list_versions", list_versions, "open"),
    Route("GET", "/v3", "show_version", show_version, "open"),
    Route("GET", "/v3/", "show_version", show_version, "open"),
    Route("GET", "/v3/auth/catalog", "show_catalog", show_catalog, "known"),
    Route("GET", "/v3/auth/tokens", "show_token", show_token, "known"),
    Route("GET", "/v3/auth/domains", "list_auth_domains", list_auth_domains, "known"),
    Route("GET", "/v3/projects/{one_project_id}", "show_project", show_project, "known", "iam:projects:getProject"),
    Route("GET", _EPS, "list_enterprise_projects", list_enterprise_projects, "known", "eps:enterpriseProjects:list"),
    Route("GET", "/v5/caller-identity", "show_caller", show_caller, "known"),
    Route("POST", "/v5/agencies/assume-with-oidc", "assume_with_oidc", assume_with_oidc, "open"),
)
