"""People in modals and in Home: they type, choose, submit, close and look.

Source: docs.slack.dev, surfaces/modals and surfaces/app-home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.workspace import payloads
from bot.simulator.workspace.choices import complaints
from bot.simulator.workspace.delivery import Delivery
from bot.simulator.workspace.errors import NotAllowedInSlack, SlackRefusal
from bot.simulator.workspace.people import (
    ActionOutcome,
    MentionOutcome,
    People,
    SuggestOutcome,
    find_element,
    require_pressable,
)
from bot.simulator.workspace.validation import check_view
from bot.simulator.workspace.views import View
from bot.simulator.workspace.world import Person

TROUBLE = "We had some trouble connecting. Try again?"


@dataclass
class SubmitOutcome:
    """A submitted modal. `errors` stand under the inputs, by block_id; with no `delivery`, nothing was sent."""

    ok: bool
    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    ack: Any = None
    latency_ms: float = 0.0
    delivery: dict[str, Any] | None = None


class Forms(People):
    """What people do in views."""

    def view(self, user: str) -> View | None:
        """The modal on top, if one is open."""
        stack = self.views(user)
        return stack[-1] if stack else None

    def views(self, user: str) -> list[View]:
        """The person's open modals, the visible one last."""
        return self.state.views.stack(self.state.world.person(user).id)

    def home(self, user: str) -> View | None:
        """The person's App Home, if one was published."""
        return self.state.views.home(self.state.world.person(user).id)

    async def type_in_view(
        self, user: str, block_id: str, action_id: str, value: Any, *, home: bool = False
    ) -> ActionOutcome | None:
        """Fill one element of the visible modal, or of Home; returns an outcome where that tells the app at once."""
        person, view = self._visible(user, home=home)
        block, element = find_element(view.blocks, action_id, None, block_id)
        self._fill(person, view, block_id, action_id, value)
        self.state.wake()
        if block["type"] == "input" and not block.get("dispatch_action"):
            return None
        acted = payloads.action(self.state, block_id, element, view.values[block_id][action_id])
        return await self.interact(payloads.view_actions(self.state, person, view, acted), element.get("confirm"))

    async def press_in_view(
        self, user: str, action_id: str, value: str | None = None, *, home: bool = False
    ) -> ActionOutcome:
        """Press a button in the visible modal, or in Home."""
        person, view = self._visible(user, home=home)
        block, element = find_element(view.blocks, action_id, value)
        require_pressable(person, element)
        acted = payloads.action(self.state, block["block_id"], element, {})
        return await self.interact(payloads.view_actions(self.state, person, view, acted), element.get("confirm"))

    async def submit(self, user: str, values: Mapping[str, Mapping[str, Any]] | None = None) -> SubmitOutcome:
        """Fill the given inputs and press the submit button; the client checks the inputs first."""
        person, view = self._visible(user)
        if not view.source.get("submit"):
            raise NotAllowedInSlack("this modal has no submit button")
        for block_id, actions in (values or {}).items():
            for action_id, value in actions.items():
                self._fill(person, view, block_id, action_id, value)
        view.errors = complaints(view)
        if view.errors:
            self.state.wake()
            return SubmitOutcome(ok=False, errors=dict(view.errors))
        submission = payloads.view_submission(self.state, person, view)
        delivery = await self.deliverer.interactive(submission, accepts_payload=True)
        error = None if delivery.ok else TROUBLE
        if delivery.ok:
            try:
                self._apply(view, delivery)
            except SlackRefusal as refusal:
                self.state.journal.add("validation", where="view_submission", errors=[refusal.error], **refusal.extra)
                error = TROUBLE
        return SubmitOutcome(
            ok=error is None and not view.errors,
            error=error,
            errors=dict(view.errors),
            ack=delivery.ack,
            latency_ms=delivery.latency_ms,
            delivery=delivery.facts(),
        )

    async def close(self, user: str, *, everything: bool = False) -> ActionOutcome | None:
        """Press Cancel, or the cross with `everything`; returns an outcome where the app asked to be told."""
        person, view = self._visible(user)
        if everything or view.source.get("clear_on_close"):
            told = self.views(user)[0]
            self.state.views.clear(person.id)
            cleared = True
        else:
            told, cleared = view, False
            self.state.views.close(view)
        if not told.source.get("notify_on_close"):
            return None
        return await self.interact(payloads.view_closed(self.state, person, told, cleared=cleared))

    async def suggest(
        self,
        user: str,
        block_id: str,
        action_id: str,
        query: str,
        *,
        channel: str | None = None,
        ts: str | None = None,
        home: bool = False,
    ) -> SuggestOutcome:
        """Type in an external select of the visible modal, of Home, or of a message where `channel` and `ts` are
        given.
        """
        if channel is not None and ts is not None:
            return await self.suggest_in_message(user, channel, ts, block_id, action_id, query)
        person, view = self._visible(user, home=home)
        _, element = find_element(view.blocks, action_id, None, block_id)
        payload = payloads.suggestion(self.state, person, block_id, action_id, query)
        payload |= {"container": {"type": "view", "view_id": view.id}, "view": self.state.views.as_json(view)}
        return await self.ask_options(person, element, payload)

    async def open_home(self, user: str) -> Delivery | None:
        """Enter the app's Home; the app is told each time, with the view if one was published before."""
        person = self.active(user)
        self.require_home_member(person, "open the app's Home")
        if not self.state.config.home_tab:
            raise NotAllowedInSlack("this app has no Home tab")
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self.state.world.direct_message(person).id,
            "tab": "home",
            "event_ts": f"{self.state.clock():.6f}",
        }
        home = self.state.views.home(person.id)
        if home is not None:
            event["view"] = self.state.views.as_json(home)
        return await self.deliverer.event("app_home_opened", event)

    async def direct_message(self, user: str, text: str) -> MentionOutcome:
        """Write to the app in its direct message."""
        return await self.say(user, self.state.world.app.bot_user_id, text)

    def _visible(self, user: str, *, home: bool = False) -> tuple[Person, View]:
        person = self.active(user)
        view = self.home(user) if home else self.view(user)
        if view is None:
            raise NotAllowedInSlack(f"{person.name} has no {'Home' if home else 'modal'} open")
        return person, view

    def _fill(self, person: Person, view: View, block_id: str, action_id: str, value: Any) -> None:
        _, element = find_element(view.blocks, action_id, None, block_id)
        of_block = view.values.setdefault(block_id, {})
        of_block[action_id] = self._held(person, element, value, {block_id: of_block})

    def _apply(self, view: View, delivery: Delivery) -> None:
        """Do what the acknowledgement of a submission says. Raises SlackRefusal for one Slack cannot follow."""
        ack = delivery.ack
        if ack is None or ack in ("", {}):
            self.state.views.close(view)
            return
        if not isinstance(ack, dict) or "response_action" not in ack:
            raise SlackRefusal("the acknowledgement must be empty or have a response_action")
        match ack["response_action"]:
            case "clear":
                self.state.views.clear(view.user)
            case "errors":
                self._show_errors(view, ack.get("errors"))
            case "update":
                self.state.views.update(view, self._checked(ack.get("view")))
            case "push":
                self.state.views.push_onto(view.user, self._checked(ack.get("view")))
            case other:
                raise SlackRefusal(f"unknown response_action {other}")

    def _show_errors(self, view: View, errors: Any) -> None:
        inputs = {block["block_id"] for block, _ in view.inputs()}
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise SlackRefusal("errors must name input blocks by their block_id")
        view.errors = {block_id: str(text) for block_id, text in errors.items()}
        self.state.wake()

    def _checked(self, view: Any) -> dict[str, Any]:
        errors = check_view(view)
        if errors:
            raise SlackRefusal("invalid_arguments", {"messages": errors})
        assert isinstance(view, dict)
        return view
