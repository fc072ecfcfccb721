"""The workspace in a terminal: a channel as it changes, commands, buttons by number, and forms by questions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import Any

from bot.simulator.workspace import Message, NotAllowedInSlack, View, WorkspaceSimulator

WIDTH = 100
FOREVER = 1e6
"""In seconds: days."""

LOOKS_UP_S = 5.0

_BUTTONS = ("button", "workflow_button")


class Keyboard:
    """Lines as they are typed. No thread of it keeps a process from ending, and no lock of Python's is held."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, daemon=True).start()

    async def line(self, prompt: str = "") -> str | None:
        """The next line without its end; None after the last."""
        print(prompt, end="", flush=True)
        return await self._lines.get()

    def _read(self) -> None:
        rest = b""
        while chunk := _read_some():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._put(line.decode(errors="replace").rstrip("\r"))
        if rest:
            self._put(rest.decode(errors="replace"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


def _read_some() -> bytes:
    try:
        return os.read(0, 4096)
    except OSError:
        return b""


class Terminal:
    """Prints each change of the channel as it happens, indented under who made it."""

    def __init__(self, workspace: WorkspaceSimulator, person: str, channel: str) -> None:
        self._workspace, self._channel = workspace, channel
        self.person = person
        self._buttons: list[tuple[Message, dict[str, Any]]] = []
        self._prompt = ""
        workspace.on_change(self._on_change)

    async def converse(self, keyboard: Keyboard) -> bool:
        """Until `quit`: True; or until the input ends by itself: False."""
        while True:
            line = await self._typed(keyboard)
            if line is None or line.strip() in ("quit", "exit"):
                return line is not None
            await self._do(line.strip(), keyboard)

    async def _typed(self, keyboard: Keyboard) -> str | None:
        """The next line. A form that opens meanwhile is filled first: the app opens it when it likes."""
        workspace = self._workspace
        while True:
            self._prompt = f"{self.person} in {self._channel}> "
            line = asyncio.create_task(keyboard.line(self._prompt))
            opened = asyncio.create_task(workspace.until(lambda: workspace.view(self.person) is not None, FOREVER))
            await asyncio.wait({line, opened}, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
            self._prompt = ""
            if line.done():
                return line.result()
            line.cancel()
            print()
            await Form(workspace, self.person, keyboard).fill()

    async def command(self, typed: str) -> None:
        """A slash command, as the present person."""
        print(f"{self.person} in {self._channel} types:  {typed}")
        word, _, text = typed.partition(" ")
        outcome = await self._workspace.command(self.person, self._channel, text, command=word)
        print(f"  {outcome.error}" if outcome.error else f"  acknowledged after {outcome.latency_ms:.0f} ms")

    async def press(self, message: Message, button: dict[str, Any]) -> None:
        print(f"{self.person} in {self._channel} presses:  [ {button['text']['text']} ]")
        outcome = await self._workspace.press(
            self.person, message.channel, message.ts, button["action_id"], button.get("value")
        )
        if outcome.error:
            print(f"  {outcome.error} The bot did not answer.")

    async def _do(self, text: str, keyboard: Keyboard) -> None:
        person, colon, rest = text.partition(":")
        before = self.person
        if colon and person.isalnum() and rest.strip():
            self.person, text = person, rest.strip()
        try:
            await self._act(text, keyboard)
        except (NotAllowedInSlack, LookupError, ValueError) as exc:
            print(f"  The workspace does not let {self.person} do that: {exc.args[0] if exc.args else exc}")
        if not text.startswith("as "):
            self.person = before

    async def _act(self, text: str, keyboard: Keyboard) -> None:
        if not text:
            print(self._workspace.render(self._channel, viewer=self.person, width=WIDTH))
        elif text.isdigit():
            await self._press_number(int(text), keyboard)
        elif text.startswith("as "):
            self.person = self._workspace.world.person(text[3:].strip()).name
        elif text.startswith("/"):
            await self.command(text)
        else:
            await self._workspace.say(self.person, self._channel, text)

    async def _press_number(self, number: int, keyboard: Keyboard) -> None:
        if not 0 < number <= len(self._buttons):
            print("  No button has that number.")
            return
        message, button = self._buttons[number - 1]
        confirm = button.get("confirm")
        if confirm and not await _agreed(keyboard, f"  {confirm['title']['text']} {confirm['text']['text']}"):
            return
        await self.press(message, button)

    def _on_change(self, message: Message, kind: str) -> None:
        channel = self._workspace.world.channels[message.channel]
        where = "in the thread" if message.thread_ts else "directly" if channel.im_with else f"#{channel.name}"
        head = "for one person" if message.ephemeral_to else f"{where}, {kind}"
        lines = self._workspace.render_message(message, width=WIDTH - 4).splitlines()
        lines += [f"  {number}) {label}" for number, label in self._numbered(message)]
        if self._prompt and sys.stdout.isatty():
            print("\r\033[K", end="")
        print(f"  ┌ {head}", *(f"  │ {line}" for line in lines), "  └", sep="\n")
        if self._prompt:
            print(self._prompt, end="", flush=True)

    def _numbered(self, message: Message) -> list[tuple[int, str]]:
        """The buttons of a message get the next numbers; the same button keeps its own."""
        shown = []
        for element in (one for block in message.blocks for one in block.get("elements", [])):
            if element.get("type") in _BUTTONS:
                known = [(one.channel, one.ts, old["action_id"], old.get("value")) for one, old in self._buttons]
                key = (message.channel, message.ts, element["action_id"], element.get("value"))
                number = known.index(key) if key in known else len(known)
                self._buttons[number : number + 1] = [(message, element)]
                shown.append((number + 1, element["text"]["text"]))
        return shown


class Form:
    """A modal by questions: an empty answer keeps what stands there, a point alone closes it."""

    def __init__(self, workspace: WorkspaceSimulator, person: str, keyboard: Keyboard) -> None:
        self._workspace, self._person, self._keyboard = workspace, person, keyboard

    async def fill(self) -> None:
        answered: set[str] = set()
        while view := self._workspace.view(self._person):
            print(self._workspace.render_view(self._person, width=WIDTH))
            if not await self._ask_all(view, answered):
                await self._workspace.close(self._person)
                return
            if not view.source.get("submit"):
                if await self._changes(view):
                    continue
                await self._workspace.close(self._person, everything=True)
                return
            outcome = await self._workspace.submit(self._person)
            for block_id, error in outcome.errors.items():
                print(f"  {block_id}: {error}")
            if outcome.error:
                print(f"  {outcome.error}")
            answered = {block["block_id"] for block, _ in view.inputs()} - set(outcome.errors)

    async def _changes(self, view: View) -> bool:
        """Whether the app shows something else before long: first it may only say that it looks things up."""
        before = view.hash
        with contextlib.suppress(TimeoutError):
            await self._workspace.until(
                lambda: self._workspace.view(self._person) is not view or view.hash != before, LOOKS_UP_S
            )
            return True
        return False

    async def _ask_all(self, view: View, answered: set[str]) -> bool:
        """Each field once, also those that an answer brings about. False: the person closes the form."""
        while True:
            left = [one for one in view.inputs() if one[0]["block_id"] not in answered]
            if not left:
                return True
            block, element = left[0]
            answered.add(block["block_id"])
            if not await self._ask(block, element):
                return False

    async def _ask(self, block: dict[str, Any], element: dict[str, Any]) -> bool:
        """One field, until an answer fits or the app has put another form in its place. False: the form is closed."""
        must = "" if block.get("optional") else " *"
        hint = f" ({block['hint']['text']})" if block.get("hint") else ""
        view = self._workspace.view(self._person)
        while view is not None and block["block_id"] in {one["block_id"] for one in view.blocks}:
            options = await self._options(block, element, "")
            for number, option in enumerate(options, 1):
                print(f"    {number}) {option['text']['text']}")
            line = await self._keyboard.line(f"  {block['label']['text']}{must}{hint}: ")
            if line is None or line.strip() == ".":
                return False
            if not line.strip():
                return True
            try:
                await self._enter(block, element, line.strip(), options)
            except (NotAllowedInSlack, LookupError, ValueError) as exc:
                print(f"    {exc.args[0] if exc.args else exc}")
                continue
            if block.get("dispatch_action"):
                await self._changes(view)
            return True
        return True

    async def _enter(self, block: dict[str, Any], element: dict[str, Any], typed: str, options: Any) -> None:
        """Options by number or by words, several with commas between them; anything else as it was typed."""
        if "select" not in element["type"] and element["type"] not in ("checkboxes", "radio_buttons"):
            await self._workspace.type_in_view(self._person, block["block_id"], element["action_id"], typed)
            return
        chosen: list[str] = []
        for part in (one.strip() for one in typed.split(",")):
            found = options
            if not (part.isdigit() and int(part) <= len(options)) and element["type"].endswith("external_select"):
                found, part = await self._options(block, element, part), "1"
            number = int(part) - 1 if part.isdigit() else -1
            chosen.append(found[number]["value"] if 0 <= number < len(found) else part)
            many = element["type"].startswith("multi") or element["type"] == "checkboxes"
            value = chosen if many else chosen[0]
            await self._workspace.type_in_view(self._person, block["block_id"], element["action_id"], value)

    async def _options(self, block: dict[str, Any], element: dict[str, Any], query: str) -> list[dict[str, Any]]:
        if not element["type"].endswith("external_select"):
            return list(element.get("options") or [])
        workspace = self._workspace
        outcome = await workspace.suggest(self._person, block["block_id"], element["action_id"], query)
        return outcome.options


async def _agreed(keyboard: Keyboard, question: str) -> bool:
    return (await keyboard.line(f"{question} [y/N] ") or "").strip().lower() in ("y", "yes")
