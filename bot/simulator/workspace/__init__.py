"""A Slack workspace on 127.0.0.1: Web API, Socket Mode, request URLs, and people who type and click.

It shares nothing with the bot. Its behaviour follows docs.slack.dev, by the pages that each module names; what
no page says is an assumption, marked INFERRED.

    sim = WorkspaceSimulator()
    await sim.start()
    app = AsyncApp(client=AsyncWebClient(token=sim.bot_token, base_url=sim.api_url), signing_secret=sim.signing_secret)
    outcome = await sim.command("alice", "#inc-demo", "list")

Faults, ordered with `sim.fault(kind, method=…, times=…, …)`. For API faults `method` is a Web API method or
`response_url`; for delivery faults an envelope type or what it carries (`/snapshot`, `block_actions`, an event's type).

| kind                | strikes    | what happens                                               |
| ------------------- | ---------- | ---------------------------------------------------------- |
| latency             | API        | waits `seconds` (1.0) before acting                        |
| status              | API        | answers HTTP `status` (503) without acting                 |
| error               | API        | answers ok:false with `error` (internal_error)             |
| ratelimited         | API        | answers 429 with `retry_after` (1)                         |
| reset_after         | API        | acts, then drops the connection                            |
| malformed           | API        | acts, then answers broken JSON                             |
| lose_ack            | deliveries | the acknowledgement never arrives                          |
| duplicate_delivery  | deliveries | the same payload is delivered twice                        |
| bad_signature       | deliveries | over HTTP, signed with another secret                      |
| stale_signature     | deliveries | over HTTP, signed an hour ago                              |

Control over HTTP, JSON in and out; a POST's body holds the arguments of the method named.
Files are picked as a list of {name, content in base64}.
200 with the outcome, 403 where Slack would not let the person try, 404 for somebody or something unknown, 400 else.

| path                             | arguments                                                           |
| -------------------------------- | ------------------------------------------------------------------- |
| POST /_control/command           | user, channel, text, command?                                       |
| POST /_control/press             | user, channel, ts, action_id, value?, revision?                     |
| POST /_control/select            | user, channel, ts, action_id, value                                 |
| POST /_control/enter             | user, channel, ts, block_id, action_id, value                       |
| POST /_control/submit            | user, values?: {block_id: {action_id: value}}                       |
| POST /_control/type              | user, block_id, action_id, value, home?                             |
| POST /_control/press_in_view     | user, action_id, value?, home?                                      |
| POST /_control/close             | user, everything?                                                   |
| POST /_control/shortcut          | user, callback_id                                                   |
| POST /_control/message_shortcut  | user, channel, ts, callback_id                                      |
| POST /_control/say               | user, channel, text, thread_ts?                                     |
| POST /_control/mention           | user, channel, text, thread_ts?                                     |
| POST /_control/edit              | user, channel, ts, text                                             |
| POST /_control/direct_message    | user, text                                                          |
| POST /_control/open_home         | user                                                                |
| POST /_control/suggest           | user, block_id, action_id, query, channel?, ts?, home?              |
| POST /_control/users             | user, and fields to change, such as deleted                         |
| POST /_control/groups            | group, users                                                        |
| POST /_control/channels          | channel, action: invite_bot remove_bot archive unarchive join, user |
| POST /_control/fault             | kind, method?, times?, and the fault's options                      |
| POST /_control/advance           | seconds                                                             |
| POST /_control/disconnect        | reason?                                                             |
| POST /_control/revoke_token      |                                                                     |
| GET /_control/journal            | entry?, method?                                                     |
| GET /_control/messages           | channel, viewer?                                                    |
| GET /_control/render             | channel, viewer?, width? or view_of, home? (plain text)             |
| GET /_control/state              | people, channels, groups, connections, open views, waiting faults   |
"""

from bot.simulator.workspace.errors import NotAllowedInSlack
from bot.simulator.workspace.forms import SubmitOutcome
from bot.simulator.workspace.messages import Message
from bot.simulator.workspace.people import ActionOutcome, CommandOutcome, MentionOutcome, SuggestOutcome
from bot.simulator.workspace.simulator import WorkspaceSimulator
from bot.simulator.workspace.views import View
from bot.simulator.workspace.world import App, Channel, Group, Person, WorkspaceWorld, default_world

__all__ = [
    "ActionOutcome",
    "App",
    "Channel",
    "CommandOutcome",
    "Group",
    "MentionOutcome",
    "Message",
    "NotAllowedInSlack",
    "Person",
    "SubmitOutcome",
    "SuggestOutcome",
    "View",
    "WorkspaceSimulator",
    "WorkspaceWorld",
    "default_world",
]
