"""Slack's tokens, its scopes, and the signing secret as far as it can be seen."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.checks.findings import Page
from bot.settings import Settings
from bot.slack.client.inspection import Refused, SlackInspector, Token, Unreached
from bot.slack.client.scopes import SCOPES

_AGAIN = "Install the app again under OAuth & Permissions, and copy its bot token (xoxb-…) to SLACK_BOT_TOKEN."
_BOT_TOKEN: Mapping[str, tuple[str, str]] = {
    "invalid_auth": ("Slack does not know it", "Copy the bot token (xoxb-…) from OAuth & Permissions, all of it."),
    "token_revoked": ("it was revoked", _AGAIN),
    "account_inactive": ("the app was removed from the workspace, or its bot user was deactivated", _AGAIN),
    "token_expired": (
        "it has expired, because token rotation is on for this app",
        "Switch token rotation off as in manifest.yml.",
    ),
    "not_allowed_token_type": ("it is another kind of token", "Copy the bot token (xoxb-…) from OAuth & Permissions."),
    "org_login_required": (
        "the workspace is being moved to an organisation",
        "Wait until that has ended, and try again.",
    ),
    "team_access_not_granted": (
        "the workspace has not let the app in",
        "Have an admin of the organisation add the app to it.",
    ),
}
_APP_TOKEN: Mapping[str, tuple[str, str]] = {
    "invalid_auth": (
        "Slack does not know it, or it was revoked",
        "Make an app-level token (xapp-…) under Basic Information, and copy all of it.",
    ),
    "not_allowed_token_type": (
        "it is another kind of token",
        "Copy the app-level token (xapp-…) from Basic Information.",
    ),
    "missing_scope": (
        "it lacks the scope connections:write",
        "Make an app-level token with that scope under Basic Information.",
    ),
}
"""Slack's codes: what each says, and what to do. Sources: Slack, auth.test and apps.connections.open, errors."""

BREAKS: Mapping[str, str] = {
    "app_mentions:read": "@mentions, and with them everything in threads, are not heard",
    "channels:join": "with offer_channels the bot can't join a new channel",
    "channels:read": "in public channels the bot can't tell who reads along, so it says less there",
    "chat:write": "no message can be posted: nobody hears how a request ends",
    "commands": "there is no /snapshot, and no shortcut",
    "groups:read": "in private channels the bot can't tell who reads along, so it says less there",
    "usergroups:read": "everyone is refused, since nobody's groups can be read",
    "users:read": "everyone is refused, since nobody's account can be read",
}
"""Features that do not work without a scope."""

_APP_OF = re.compile(r"xapp-\d+-(A[A-Z0-9]+)-")
"""An app-level token names its app."""

_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")


def unreached(page: Page, host: str, why: str) -> None:
    todo = "Look at the network, at HTTPS_PROXY and at SLACK_API_URL."
    page.failed("Slack", "Slack", f"{host} can't be reached: {why}", todo)
    page.not_tried("tokens", "scopes", "channels", "people", "user groups")


async def bot_token(page: Page, inspector: SlackInspector) -> Token | None:
    """Who the bot is; None where Slack refuses it. Raises Unreached."""
    try:
        token = await inspector.token()
    except Refused as exc:
        found, todo = _BOT_TOKEN.get(exc.error, (f"Slack does not accept it ({exc.error})", _AGAIN))
        page.failed("bot token", "bot token", found, todo)
        page.not_tried("scopes", "channels", "people", "user groups")
        return None
    where = token.identity.url.removeprefix("https://").rstrip("/") or token.identity.team_id
    app = f", app {token.app_id}" if token.app_id else ""
    page.ok("bot token", "bot token", f"it is of {where}{app}")
    return token


def scopes(page: Page, settings: Settings, token: Token) -> None:
    if token.scopes is None:
        todo = "Look whether a proxy takes the header x-oauth-scopes away."
        page.warning("scope", "scopes", "Slack's answer does not tell them", todo)
        return
    for scope in sorted(set(SCOPES) - token.scopes):
        todo = f"Add {scope} under OAuth & Permissions, and install the app again."
        told = page.warning if _spared(scope, settings) else page.failed
        told("scope", f"scope {scope}", f"the app does not have it: {BREAKS[scope]}", todo)
    if more := sorted(token.scopes - set(SCOPES)):
        found = f"the app has more than it uses: {', '.join(more)}"
        page.warning("scope", "scopes", found, "Take them out as in manifest.yml, and install the app anew.")
    if token.scopes >= set(SCOPES):
        page.ok("scope", "scopes", f"all {len(SCOPES)} of manifest.yml are there")


def _spared(scope: str, settings: Settings) -> bool:
    """Whether nothing that is configured needs it."""
    return scope == "channels:join" and settings.slack.offer_channels is None


async def app_token(page: Page, settings: Settings, inspector: SlackInspector) -> None:
    """Over Socket Mode alone."""
    if settings.slack.app_token is None:
        return
    try:
        await inspector.socket_ticket(settings.slack.app_token.get_secret_value())
    except Unreached as exc:
        page.warning("app token", "app token", f"Slack gave no answer about it: {exc}", "Try again.")
    except Refused as exc:
        otherwise = (f"Slack does not accept it ({exc.error})", "Make another one under Basic Information.")
        page.failed("app token", "app token", *_APP_TOKEN.get(exc.error, otherwise))
    else:
        page.ok("app token", "app token", "Slack opens connections with it")


def of_one_app(page: Page, settings: Settings, token: Token) -> None:
    """Deliveries over another app's connections are refused one by one."""
    secret = settings.slack.app_token.get_secret_value() if settings.slack.app_token else ""
    named = _APP_OF.match(secret)
    if named and token.app_id and named[1] != token.app_id:
        found = f"it is of app {named[1]}, and the bot token of app {token.app_id}"
        page.failed("app token", "app token", found, "Copy both from the same app.")


def signing_secret(page: Page, settings: Settings) -> None:
    """Over HTTP alone. Nothing that can be asked of Slack says whose it is."""
    secret = settings.slack.signing_secret
    if settings.slack.app_token is not None or secret is None:
        return
    if _SIGNING_SECRET.fullmatch(secret.get_secret_value()):
        found = "it has the right form; that it is this app's shows only when Slack delivers"
        page.ok("signing secret", "signing secret", found)
    else:
        found = "a signing secret is 32 letters and digits (0-9, a-f), and this is none"
        page.failed("signing secret", "signing secret", found, "Copy it from Basic Information, all of it.")
