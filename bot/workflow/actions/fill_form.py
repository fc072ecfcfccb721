"""The form from its opening to its submission. Rights are asked at every hop, and nothing is believed of what Slack
brings back but what was entered: whose form it is and where it is told stands in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol, TypeVar

from bot.cache import Cache
from bot.domain.access import Decision, Reach, decide
from bot.domain.actors import Actor
from bot.domain.audit import of_form, read_entry, unknown_id
from bot.domain.denials import NO_PROJECT_CHOSEN, Denied, account_refused, which_project
from bot.domain.disks import is_disk_id, matching, meant, pick
from bot.domain.errors import CloudError, LookupFailed
from bot.domain.forms import Form, FormValues, read_form
from bot.domain.normalise import caseless, unmarked_word, visible
from bot.domain.orders import Create, Quick, Restore, as_typed
from bot.domain.projects import Project
from bot.domain.requests import Place
from bot.domain.results import Accepted, Refused
from bot.domain.roles import Action, Grant
from bot.domain.snapshots import Disk
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.forms import Forms as FormsStore
from bot.ports.grants import Bindings, Grants
from bot.ports.requests import Requests
from bot.ports.slack import Channels, People
from bot.workflow.form_sessions import STALE, FormSessions, Returned
from bot.workflow.intake import Authorization, Delivery, Intake, authorized, with_helpers
from bot.workflow.queries.disk_choices import DiskCatalogue

_Answer = TypeVar("_Answer")

PREFILL_SECONDS = 2.5
"""How long the loading view may stand while typed disks are looked up; then the form opens without them."""

OPTIONS_WITHIN_S = 0.8
"""How long a picker may wait for the cloud; Slack gives it 3 s, people give it one."""

SUBMIT_SECONDS = 1.0
"""How long a form that was sent may wait for Slack and the cloud, so that errors stand beside their fields; Slack gives
the acknowledgement 3 s.
"""

LOADS_NOTED_EVERY = timedelta(minutes=1)

OPTIONS_SHOWN = 99
"""Slack takes 100 options (block_suggestion); the last line says that there are more."""


@dataclass(frozen=True, slots=True)
class Filling:
    """The content of a form. `projects` are those the person may use from its place; `disks` are chosen beforehand, and
    `unfound` are words that were typed for disks but name none, or not one. `problem` is a sentence about its project
    or place. `approvals` others have to agree in the chosen project; `break_glass`: it can be run without them.
    """

    form: Form
    projects: Sequence[str]
    disks: Sequence[Disk] = ()
    unfound: Sequence[str] = ()
    problem: str = ""
    approvals: int = 0
    break_glass: bool = False


@dataclass(frozen=True, slots=True)
class DiskOptions:
    """Disks to choose from, and how many more there are; or `sentence` where there is nothing to choose."""

    disks: Sequence[Disk] = ()
    more: int = 0
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class ProjectOptions:
    """Projects to choose from, and how many more there are; or `sentence` where there is nothing to choose."""

    projects: Sequence[str] = ()
    more: int = 0
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Stays:
    """The form stays as it stands, with a sentence on top: what is shown may be behind, nothing typed is lost."""

    problem: str


@dataclass(frozen=True, slots=True)
class Mend:
    """The problems of a form that was sent, by field. Nothing was created, and nothing typed is lost."""

    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sent(Returned):
    """A form as it came back, with what was entered."""

    values: FormValues


@dataclass(frozen=True, slots=True)
class Newest:
    """The content a form should show by now, and Slack's hash of what it shows."""

    filling: Filling | Refused
    view_hash: str


_OVER = "This form can't be used any more. Open a new one."
_WHO = "Slack can't tell me who you are just now. Try again in a minute."


class Rows(Audit, Bindings, FormsStore, Grants, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(slots=True)
class Forms:
    store: Rows
    people: People
    channels: Channels
    catalogue: DiskCatalogue
    intake: Intake
    projects: Mapping[str, Project]
    clock: Clock
    form_sessions: FormSessions
    _loads: Cache[tuple[str, ...], bool] = field(init=False)

    def __post_init__(self) -> None:
        self._loads = Cache(self.clock, LOADS_NOTED_EVERY)

    # --- opening ------------------------------------------------------------------------------------------------------

    def begun(self, user_id: str, place: Place, order: Create, *, choose_place: bool = False) -> Form:
        """A new form, not kept yet: the loading view goes first."""
        return replace(self.form_sessions.begun("create", user_id, place, order=order), choose_place=choose_place)

    async def save(self, form: Form) -> None:
        await self.form_sessions.save(form)

    async def again(self, user_id: str, form_id: str) -> Form | None:
        """A form that was begun and could not be shown, begun once more. None: there is none of theirs."""
        form = await self.store.form(form_id)
        if form is None or (form.kind, form.user_id) != ("create", user_id):
            await self.store.audit([unknown_id(user_id, Action.CREATE, form.id if form else "")])
            return None
        return self.begun(user_id, form.place, form.order, choose_place=form.choose_place)

    async def asked_again(self, user_id: str, request_id: str) -> Form | None:
        """A form with what was asked in a request. None: there is no such request of theirs that a form can ask for."""
        found = await self.store.request(request_id)
        if found is None or found[0].actor_id != user_id:
            await self.store.audit([unknown_id(user_id, Action.CREATE, found[0].id if found else "")])
            return None
        order = found[0].order
        if isinstance(order, Restore):
            return None
        if isinstance(order, Quick):
            named = tuple(one.value for one in order.selectors if one.kind == "disk")
            order = Create(named, project=order.project, keep_days=order.keep_days, reason=order.reason)
        return self.begun(user_id, found[0].place, order)

    async def fill(self, form: Form) -> Filling | Refused:
        """The content to show: rights asked now, typed disks looked up if the cloud answers soon enough. Raises
        LookupFailed; Refused is a person who may use nothing.
        """
        actor = await self._looked_up(form, "", Action.CREATE)
        if refused := account_refused(actor):
            return await self._refuse(form, "", Refused(refused.explanation, refused.rule))
        grants = await self.store.grants_for(actor)
        usable = self._usable(actor, form.place, grants)
        if not usable:
            return await self._refuse(form, "", Refused(which_project(()).explanation, NO_PROJECT_CHOSEN))
        if form.revision == 0:
            self.store.note([read_entry(form.user_id, "form", usable, form.place.channel_id, form.id)])
        problem = await self._named_in_vain(form, actor, grants, usable)
        bound = await self.store.bound_project(form.place.channel_id)
        wished = (form.project, form.order.project, bound, usable[0] if len(usable) == 1 else None)
        chosen = next((alias for alias in wished if alias in usable), None)
        if chosen != form.project:
            moved = await self.store.form_project(form.id, chosen, seen=form.revision)
            if moved is None:  # the person chose again meanwhile; that is what counts
                newest = await self.store.form(form.id)
                return await self.fill(newest) if newest else Refused(STALE, "form-unknown")
            form = moved
        disks, unfound = await self._typed_disks(form)
        project = self.projects[chosen] if chosen else None
        return Filling(
            form,
            usable,
            disks,
            unfound,
            problem,
            approvals=project.approvals if project else 0,
            break_glass=bool(project and project.approvals and project.break_glass),
        )

    async def _named_in_vain(self, form: Form, actor: Actor, grants: Sequence[Grant], usable: Sequence[str]) -> str:
        """Why the project that was typed, or was chosen before the place changed, can't be used from here."""
        named = form.project or form.order.project
        if named is None or named in usable:
            return ""
        decision = self._decided(actor, Action.CREATE, named, form.place, grants)
        assert isinstance(decision, Denied)
        await self.store.audit([of_form(form, Action.CREATE, named, decision.rule)])
        return (await with_helpers(self.store, Refused(decision.explanation, decision.rule, named))).sentence

    async def _typed_disks(self, form: Form) -> tuple[list[Disk], list[str]]:
        words = form.order.disks
        if form.project is None or not words:
            return [], list(words)
        try:
            async with asyncio.timeout(PREFILL_SECONDS):
                everything = await self.catalogue.disks(form.project)
        except (CloudError, TimeoutError):
            return [], list(words)
        found = meant(words, everything)
        disks = {fits[0].id: fits[0] for _, fits in found if len(fits) == 1}
        return list(disks.values()), [word for word, fits in found if len(fits) != 1]

    # --- while it is open ---------------------------------------------------------------------------------------------

    async def choose_project(self, sent: Sent) -> Filling | Refused | Stays:
        form = await self.form_sessions.theirs("create", sent)
        if isinstance(form, Refused):
            return Stays(form.sentence)
        return await self._filled_again(await self.store.form_project(form.id, sent.values.project or None) or form)

    async def choose_place(self, sent: Sent) -> Filling | Refused | Stays:
        """Where it shall be told: only a channel the person is in themselves, asked of Slack and kept in the store."""
        form = await self.form_sessions.theirs("create", sent)
        if isinstance(form, Refused):
            return Stays(form.sentence)
        channel = sent.values.place or form.user_id
        try:
            theirs = channel == form.user_id or await self.channels.has_member(channel, form.user_id)
        except LookupFailed as exc:
            return Stays(exc.sentence)
        if form.choose_place and theirs:
            return await self._filled_again(
                await self.store.form_place(form.id, channel, direct=channel == form.user_id) or form
            )
        await self.store.audit([of_form(form, Action.CREATE, form.project or "", "place-not-theirs")])
        filling = await self._filled_again(form)
        if theirs or not isinstance(filling, Filling):
            return filling
        return replace(filling, problem="You are not in that channel, or I am not. Choose another, or leave it empty.")

    async def show_more(self, sent: Sent) -> Filling | Refused | Stays:
        """The same with all its fields."""
        form = await self.form_sessions.theirs("create", sent)
        if isinstance(form, Refused):
            return Stays(form.sentence)
        return await self._filled_again(await self.store.form_more(form.id) or form)

    async def _filled_again(self, form: Form) -> Filling | Refused | Stays:
        try:
            return await self.fill(form)
        except LookupFailed as exc:
            return Stays(exc.sentence)

    async def newest(self, sent: Sent) -> Newest | None:
        """The content after the last choice of all, where several came at once. None: unknown, or not theirs."""
        form, view_hash = await self.store.form(sent.form_id), await self.store.form_hash(sent.form_id)
        if form is None or view_hash is None or (form.user_id, form.view_id) != (sent.user_id, sent.view_id):
            return None
        try:
            return Newest(await self.fill(form), view_hash)
        except LookupFailed:
            return None

    async def shown(self, form_id: str, view_hash: str) -> None:
        """Remember what a form shows: whatever came late is measured by it."""
        await self.store.form_shown(form_id, view_hash)

    async def disk_options(self, sent: Sent, query: str) -> DiskOptions:
        """The disks that fit, within a second; asked of the cloud only for a person who may view them."""
        try:
            async with asyncio.timeout(OPTIONS_WITHIN_S):
                return await self._disk_options(sent, query)
        except TimeoutError:
            return DiskOptions(sentence="Still loading the disks. Type a letter to look again.")
        except LookupFailed:
            return DiskOptions(sentence=_WHO)
        except CloudError:
            return DiskOptions(sentence="The cloud did not list its disks just now. Try again in a minute.")

    async def _disk_options(self, sent: Sent, query: str) -> DiskOptions:
        form = await self.form_sessions.theirs("create", sent)
        if isinstance(form, Refused):
            return DiskOptions(sentence=_OVER)
        if form.project is None:
            return DiskOptions(sentence="Choose the project first; then I can list its disks.")
        actor = await self._looked_up(form, form.project, Action.VIEW)
        grants = await self.store.grants_for(actor)
        for action in (Action.VIEW, Action.CREATE):
            decision = self._decided(actor, action, form.project, form.place, grants)
            if isinstance(decision, Denied):
                await self.store.audit([of_form(form, action, form.project, decision.rule)])
                return DiskOptions(sentence="You may not snapshot disks of this project, so I can't list them.")
        self._loaded(form, [form.project])
        everything = await self.catalogue.disks(form.project)
        fits = matching(everything, query)
        if not fits:
            asked = " ".join(visible(query).split())[:30]
            return DiskOptions(sentence=f"No disk fits “{asked}”." if asked else "This project has no disks.")
        return DiskOptions(fits[:OPTIONS_SHOWN], max(len(fits) - OPTIONS_SHOWN, 0))

    async def project_options(self, sent: Sent, query: str) -> ProjectOptions:
        """The projects that can be chosen from the form's place, within a second."""
        try:
            async with asyncio.timeout(OPTIONS_WITHIN_S):
                return await self._project_options(sent, query)
        except TimeoutError:
            return ProjectOptions(sentence="Still loading your projects. Type a letter to look again.")
        except LookupFailed:
            return ProjectOptions(sentence=_WHO)

    async def _project_options(self, sent: Sent, query: str) -> ProjectOptions:
        form = await self.form_sessions.theirs("create", sent)
        if isinstance(form, Refused):
            return ProjectOptions(sentence=_OVER)
        actor = await self._looked_up(form, "", Action.VIEW)
        usable = self._usable(actor, form.place, await self.store.grants_for(actor))
        self._loaded(form, usable)
        wanted = caseless(unmarked_word(query.strip()))
        fits = [alias for alias in usable if wanted in alias]
        if not fits:
            return ProjectOptions(sentence="No project that you may use fits that")
        return ProjectOptions(fits[:OPTIONS_SHOWN], max(len(fits) - OPTIONS_SHOWN, 0))

    def _loaded(self, form: Form, projects: Sequence[str]) -> None:
        """Slack asks for options with each letter that is typed: what is allowed is one row a minute."""
        key = (form.user_id, *projects)
        if not (projects and self._loads.at_hand(key)):
            self._loads.put({key: True})
            self.store.note([read_entry(form.user_id, "options", projects, form.place.channel_id, form.id)])

    # --- sending ------------------------------------------------------------------------------------------------------

    async def submit(self, sent: Sent) -> Accepted | Mend | Refused:
        """Every problem at once, or a recorded request. What Slack or the cloud does not answer soon is asked again
        when the request is planned.
        """
        form = await self.form_sessions.theirs("create", sent)
        if isinstance(form, Refused):
            return form
        until = asyncio.get_running_loop().time() + SUBMIT_SECONDS
        order, problems = read_form(sent.values)
        if form.choose_place and (sent.values.place or form.user_id) != form.place.channel_id:
            problems["place"] = "I could not make sure yet that you are in that channel. Press the button once more."
        if bad := [word for word in sent.values.disks if not is_disk_id(word)]:
            await self.store.audit([of_form(form, Action.CREATE, "", "forged-option", disks=len(bad))])
        authorization = await self._authorization(form, order, until)
        if authorization:
            problems |= await self._denied_or_invalid(form, authorization, order, problems, until)
        if problems:
            return Mend(problems)
        delivery = Delivery(f"form:{form.id}", form.user_id, form.place, as_typed(order))
        answer = await self.intake.create(delivery, order, mendable=True, authorization=authorization)
        if isinstance(answer, Accepted):
            if answer.repeated:
                await self.store.audit([of_form(form, Action.CREATE, order.project or "", "form-replayed")])
            return answer
        return Mend({_field_of(answer.rule, form): answer.sentence})

    async def _authorization(self, form: Form, order: Create, until: float) -> Authorization | None:
        """None: no project was chosen, or Slack did not say in time who asks; then the intake decides."""
        actor = await _soon(self.people.look_up(form.user_id), until)
        if actor is None or order.project is None:
            return None
        grants = await self.store.grants_for(actor)
        return authorized(actor, order, form.place, self.projects, grants, None, self.clock)

    async def _denied_or_invalid(
        self, form: Form, authorization: Authorization, order: Create, problems: Mapping[str, str], until: float
    ) -> dict[str, str]:
        """All that stands in the way beside what was entered wrongly: rights, and the disks as they are listed."""
        if isinstance(authorization.outcome, Refused):
            await self.store.audit(
                [replace(authorization.audit, details={**authorization.audit.details, "hop": "form"})]
            )
            refused = await with_helpers(self.store, authorization.outcome)
            return {_field_of(authorization.rule, form): refused.sentence}
        if "disks" in problems:
            return {}
        listed = await _soon(self.catalogue.disks(authorization.outcome), until)
        if listed is None:
            return {}
        picked = pick(order, listed, authorization.outcome)
        if not picked.problems:
            return {}
        if picked.unknown:
            await self.store.audit([of_form(form, Action.CREATE, authorization.outcome, "not-offered")])
        return {"disks": "\n".join(picked.problems)}

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _looked_up(self, form: Form, alias: str, action: Action) -> Actor:
        """Raises LookupFailed, which is a decision too: it refuses."""
        try:
            return await self.people.look_up(form.user_id)
        except LookupFailed:
            await self.store.audit([of_form(form, action, alias, "lookup-failed")])
            raise

    def _usable(self, actor: Actor, place: Place, grants: Sequence[Grant]) -> tuple[str, ...]:
        return Reach(actor, Action.CREATE, self.projects, place.channel_id, grants, self.clock.now()).usable()

    def _decided(self, actor: Actor, action: Action, alias: str, place: Place, grants: Sequence[Grant]) -> Decision:
        return decide(actor, action, alias, self.projects.get(alias), place.channel_id, grants, self.clock.now())

    async def _refuse(self, form: Form, alias: str, refused: Refused) -> Refused:
        await self.store.audit([of_form(form, Action.CREATE, alias, refused.rule)])
        return refused


async def _soon(asked: Awaitable[_Answer], until: float) -> _Answer | None:
    """The answer, if there is one by then: `until` is a moment of the event loop's clock, in seconds."""
    try:
        async with asyncio.timeout_at(until):
            return await asked
    except (TimeoutError, LookupFailed, CloudError):
        return None


def _field_of(rule: str, form: Form) -> str:
    """Beside which field a refusal belongs."""
    if rule.startswith("break-glass-reason"):
        return "reason"
    if rule.startswith("break-glass"):
        return "break_glass"
    return "place" if rule == "channel-not-allowed" and form.choose_place else "project"
