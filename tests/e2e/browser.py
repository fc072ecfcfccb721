"""A headless Chromium of Debian in front of a demo, for tests of what people see and press."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import (
    ElementNotInteractableException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.e2e.small_png import with_few_colours

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
LOOK_WITHIN_S = 60.0
WIDE, PHONE = (1280, 800), (390, 844)
NOT_HERE = "no Chromium with its driver here (Debian: apt-get install chromium chromium-driver)"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--disable-lcd-text",
)
FIND = """
const [selector, words] = arguments;
const drawn = (one) => (one.tagName === "OPTION" ? one.text : one.checkVisibility() ? one.innerText : "");
const shows = (one) => drawn(one).replaceAll("\u00a0", " ").includes(words);
return [...document.querySelectorAll(selector)].reverse().find(shows) ?? null;
"""
"""The last element that shows these words, in one question to the browser however many there are. An option shows them
whether its list is open or not.
"""

LOOK_AGAIN_S = 0.1
Found = TypeVar("Found")


def is_here() -> bool:
    return shutil.which("chromium") is not None and shutil.which("chromedriver") is not None


@contextmanager
def running_demo(*options: str) -> Iterator[str]:
    """The address of the page of a demo, which ends with the block."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "BOT_"))}
    command = [sys.executable, "-m", "bot", "demo", *options]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=inherited, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        try:
            yield next(line.strip() for line in process.stdout if "http://" in line)
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
            assert process.wait(LOOK_WITHIN_S) == 0


@contextmanager
def chromium() -> Iterator[Chrome]:
    with tempfile.TemporaryDirectory(prefix="snapshot-bot-browser-") as profile:
        options = ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
        try:
            yield driver
        finally:
            driver.quit()


class Page:
    """The page as a person uses it: by what stands on it, waiting for what is not there yet."""

    def __init__(self, driver: Chrome, address: str) -> None:
        self._driver, self._address = driver, address

    def open(self, person: str, size: tuple[int, int] = WIDE, *, dark: bool = False) -> None:
        width, height = size
        shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
        media = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
        self._driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": name, "value": value} for name, value in media.items()]},
        )
        self._driver.get(f"{self._address}/?as={person}")
        self.until(lambda: self.one("#messages .message"))

    def leave(self) -> None:
        """So that nothing goes on asking for what will be gone; whoever comes next is nobody yet."""
        self._driver.get("about:blank")

    def until(self, look: Callable[[], Found | None]) -> Found:
        """The first that is something. Raises AssertionError with what stands there instead."""
        wait = WebDriverWait(
            self._driver, LOOK_WITHIN_S, LOOK_AGAIN_S, [StaleElementReferenceException, ElementNotInteractableException]
        )
        try:
            found = wait.until(lambda _: look())
        except TimeoutException as exc:
            raise AssertionError(f"It did not come. The page shows:\n{self.text('body')[-3000:]}") from exc
        assert found is not None
        return found

    def become(self, name: str) -> None:
        """Be somebody else, by the list at the top left."""
        wanted = self.see("#who option", name.capitalize()).get_attribute("value")
        self.press("#who option", name.capitalize())
        self.until(lambda: self.script("return document.body.dataset.me") == wanted or None)

    def all(self, selector: str) -> Sequence[WebElement]:
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str, words: str = "") -> WebElement | None:
        """The last of these elements that shows these words."""
        found: WebElement | None = self.script(FIND, selector, words)
        return found

    def text(self, selector: str) -> str:
        with suppress(StaleElementReferenceException):
            return "\n".join(one.text for one in self.all(selector))
        return ""

    def see(self, selector: str, words: str) -> WebElement:
        return self.until(lambda: self.one(selector, words))

    def press(self, selector: str, words: str = "") -> None:
        """Press it, once it is there; a message that is edited just then is looked for again."""

        def pressed() -> bool:
            found = self.one(selector, words)
            if found is not None:
                found.click()
            return found is not None

        self.until(pressed)

    def type(self, selector: str, *keys: str) -> None:
        def typed() -> bool:
            found = self.one(selector)
            if found is not None:
                found.send_keys(*keys)
            return found is not None

        self.until(typed)

    def search(self, selector: str, words: str, offered: str) -> None:
        """Type into a field that offers choices until it offers that one; a form may be drawn anew meanwhile."""

        def found() -> WebElement | None:
            field = self.one(selector)
            if field is None:
                return None
            if field.get_attribute("value") != words:
                field.send_keys(f"{Keys.CONTROL}a{Keys.NULL}{words}")
            return self.one(".options:not([hidden]) [aria-selected='true']", offered)

        self.until(found)

    def keys(self, *keys: str) -> None:
        """Press keys where the keyboard is."""
        self._driver.switch_to.active_element.send_keys(*keys)

    def script(self, script: str, *arguments: Any) -> Any:
        return self._driver.execute_script(script, *arguments)

    def picture(self, name: str) -> None:
        """Keep what is seen, where pictures are asked for."""
        if os.environ.get("PICTURES"):
            PICTURES.mkdir(exist_ok=True)
            taken = with_few_colours(self._driver.get_screenshot_as_png())
            (PICTURES / f"{name}.png").write_bytes(taken)

    def complaints(self) -> list[str]:
        """Errors of scripts and of the policy since the last time; an act that is refused is none."""
        told: list[dict[str, str]] = self._driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [one["message"] for one in told if one["level"] == "SEVERE" and one["source"] != "network"]

    def unnamed(self) -> list[str]:
        """What a person can act on without a name that a screen reader could say."""
        tree = self._driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        acting = {"button", "combobox", "textbox", "tab", "switch", "checkbox", "menuitem", "link", "option", "dialog"}
        found = [one for one in tree if one.get("role", {}).get("value") in acting and not one.get("ignored")]
        return [json.dumps(one["role"]) for one in found if not one.get("name", {}).get("value", "").strip()]
