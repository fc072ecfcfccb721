"""The demo's page in a browser: what people see, press and type there, in front of the real bot."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

if importlib.util.find_spec("selenium") is None:
    pytest.skip("selenium is not installed here (pip install -e '.[dev]')", allow_module_level=True)

from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import NOT_HERE, PHONE, WIDE, Page, is_here, running_demo

if not is_here():
    pytest.skip(NOT_HERE, allow_module_level=True)

MESSAGE = "#messages .message"
SAY = """fetch("/_control/say",
{method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(arguments[0])})"""

TURN_THROUGH = """const field = document.querySelector(arguments[0]);
for (const value of arguments[1]) { field.value = value; field.dispatchEvent(new Event("change")); }"""


@pytest.fixture(scope="module")
def shown(chrome: Chrome) -> Iterator[Page]:
    with running_demo() as address:
        page = Page(chrome, address)
        page.open("alice")
        page.see(MESSAGE, "waiting for your go")
        yield page
        page.leave()


@pytest.fixture
def page(shown: Page) -> Iterator[Page]:
    """One demo and one browser for all: each test takes other disks or other people."""
    yield shown
    assert shown.complaints() == []


def tab(page: Page, name: str) -> None:
    page.press(f"#tab-{name}")


def test_a_server_is_backed_up_and_a_disk_of_it_overwritten_by_a_typed_name_and_anothers_word(
    page: Page,
) -> None:
    page.open("alice")
    page.see(MESSAGE, "waiting for your go")
    page.picture("opening")
    page.press("[data-try='0']")
    tab(page, "cloud")
    page.see(".snapshot", "same moment")
    page.see(MESSAGE, "after the go, all available")
    page.picture("quick")
    page.press(f"{MESSAGE} .replies")
    page.see("#replies .message", "3 of 3 snapshots available")
    page.keys(Keys.ESCAPE)
    page.until(lambda: not page.text("#thread") or None)
    assert "replies" in page.script("return document.activeElement.className")
    page.open("bob")
    page.press("[data-try='4']")
    page.see(MESSAGE, "nothing is overwritten yet")
    tab(page, "cloud")
    page.see(".disk", "detached")
    page.press(f"{MESSAGE} .button", "Type to Overwrite…")
    page.type("dialog [data-focus^='typed/']", "orders-db")
    page.press("dialog .submit")
    page.see("dialog .error", "Type exactly “web-01-data” to overwrite")
    assert page.unnamed() == []
    page.picture("way-back-form")
    page.type("dialog [data-focus^='typed/']", f"{Keys.CONTROL}a{Keys.NULL}web-01-data", Keys.ENTER)
    page.until(lambda: not page.all("dialog") or None)
    page.see(MESSAGE, "Roll-back of 1 disk in payments-prod: waiting for approval")
    page.become("alice")
    page.press(f"{MESSAGE} .replies", "1 reply")
    page.press("#replies .button", "Approve")
    page.see("dialog", "will be overwritten")
    page.press("dialog .button", "Approve")
    page.press("#thread .cross")
    page.see(".disk", "being rolled back to the copy of")
    page.picture("overwriting")
    page.see(".disk", "↺ rolled back to the copy of")
    page.press("[aria-label='Attach to web-01: web-01-data']")
    page.see("[aria-label='Detach: web-01-data']", "Detach")
    page.press(f"{MESSAGE} .replies")
    page.see("#replies .message", "1 of 1 disk rolled back")
    page.picture("way-back-receipt")


def test_a_form_offers_while_one_types_and_says_beside_the_field_what_is_wrong(page: Page) -> None:
    page.open("alice")
    page.type("#message-box", "/snap", Keys.TAB, Keys.ENTER)
    page.see("dialog .label", "Project")
    page.until(lambda: "project/" in (page.script("return document.activeElement.dataset.focus") or "") or None)
    assert not page.all("dialog .options:not([hidden])"), "a form that opens covers nothing"
    page.search("dialog [data-focus^='project/']", "payments", "payments-prod")
    before = page.see("dialog", "Project").get_attribute("data-sign")
    page.keys(Keys.ENTER)
    page.until(lambda: page.see("dialog", "Project").get_attribute("data-sign") != before or None)
    page.search("dialog [data-focus^='disks']", "vault", "vault-data")
    page.keys(Keys.ENTER)
    page.see("dialog .chip", "vault-data")
    page.type("dialog [data-focus^='keep/']", "soon")
    page.press("dialog .submit")
    page.see("dialog .error", "Please enter a valid number.")
    assert page.unnamed() == []
    page.picture("form")
    page.type("dialog [data-focus^='keep/']", Keys.BACKSPACE * 4, "7", Keys.ENTER)
    page.see(MESSAGE, "On it: snapshot of 1 disk")
    assert not page.all("dialog")
    assert page.script("return document.activeElement !== document.body")


def test_a_second_person_agrees_to_what_the_first_may_not_do_alone(page: Page) -> None:
    page.open("bob")
    page.press(".room", "ops")
    page.type("#message-box", "/snapshot create catalogue project=shop reason=migration", Keys.ENTER)
    page.see(MESSAGE, "catalogue")
    tab(page, "trail")
    page.see("#tab-body .call:not(.bad) .status.waits", "waits for approval")
    assert "by the rule approval-needed" in page.see("#tab-body .call", "waits for approval").text
    page.become("alice")
    page.press(f"{MESSAGE} .replies")
    page.press("#replies .button", "Approve")
    page.see(MESSAGE, "in progress")
    page.picture("approval")
    page.see(MESSAGE, "1 available")


def test_a_guest_is_refused_and_nobody_else_sees_it(page: Page) -> None:
    page.open("gus")
    page.type("#message-box", "/snapshot create orders-db", Keys.ENTER)
    page.see(".message.only-me", "Guests of this workspace may not use the snapshot bot")
    tab(page, "rights")
    page.see("#may-answer", "No")
    page.see("#may-answer", "standing-guest")
    page.picture("guest")
    asked = "return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/explain')).length"
    before = page.script(asked)
    page.script(TURN_THROUGH, "#may-user", ["U0BOB00002", "U0CAROL009", "U0ALICE001"])
    page.see("#may-answer", "Alice may create")
    assert page.script(asked) == before + 1
    page.open("alice")
    assert "Guests of this workspace" not in page.text("#messages")
    tab(page, "trail")
    page.see("#tab-body .call.bad", "by the rule standing-guest")
    assert "Gus create denied" in page.text("#tab-body .call.bad")


def test_a_bot_that_is_killed_comes_back_and_ends_what_it_had_begun_once(page: Page) -> None:
    page.open("bob")
    page.type("#message-box", '/snapshot quick server=db-01 confirm=no reason="before the failover"', Keys.ENTER)
    tab(page, "cloud")
    page.see(".machine", "creating")
    tab(page, "trouble")
    page.press("#bot-switch", "Kill the bot")
    page.see("#bot-switch", "Start the bot")
    page.see("#channel-head .state", "killed")
    page.see("#down", "The bot is killed")
    page.type("#message-box", "/snapshot status", Keys.ENTER)
    page.see("#note", "The bot is killed, so nothing came of it")
    page.picture("killed")
    page.press("#bot-switch", "Start the bot")
    page.see(MESSAGE, "Backup of 2 disks in payments-prod: finished in")
    tab(page, "cloud")
    machine = page.see(".machine", "orders-db-wal")
    assert machine.text.count("available") == 2, machine.text


def test_a_fault_that_is_switched_on_is_read_in_the_message(page: Page) -> None:
    page.open("alice")
    tab(page, "trouble")
    page.press("[data-trouble='failing-jobs']")
    page.until(lambda: page.one("[data-trouble='failing-jobs'][aria-checked='true']"))
    page.type("#message-box", "/snapshot create spare-disk", Keys.ENTER)
    page.see(MESSAGE, "spare-disk")
    page.see(MESSAGE, "failed")
    page.picture("fault")
    page.press("[data-trouble='failing-jobs']")
    page.until(lambda: page.one("[data-trouble='failing-jobs'][aria-checked='false']"))


def press_the_first(page: Page, selector: str, words: str) -> bool | None:
    """Of a list that begins with the newest."""
    found = next((one for one in page.all(selector) if words in one.text), None)
    if found is not None:
        found.click()
    return found is not None or None


def test_which_way_back_is_asked_and_a_proof_says_when_and_in_how_long(page: Page) -> None:
    page.open("bob")
    page.press("[data-try='3']")
    page.until(lambda: press_the_first(page, f"{MESSAGE}.only-me .button", "Restore…"))
    page.see("dialog", "spare-disk, as it was")
    page.see("dialog .label", "Which way?")
    page.press("dialog label", "Overwrite the disks themselves")
    page.type("dialog [data-focus^='reason/']", "the clean-up went wrong")
    page.picture("way-back-choice")
    page.press("dialog .submit")
    page.see(MESSAGE, "Roll-back of 1 disk in payments-prod: planned")
    page.picture("way-back-plan")
    page.press(f"{MESSAGE} .replies")
    page.see("#replies .message", "1 of 1 snapshot available")
    page.press("#replies .button", "Restore…")
    page.see("dialog .label", "Which way?")
    page.press("dialog label", "Only prove that it can be done")
    page.press("dialog .submit")
    page.see("#replies .message", "1 of 1 snapshot proven")
    page.picture("way-back-proof")


def test_the_keyboard_alone_leads_to_a_shortcut_and_news_elsewhere_is_marked(page: Page) -> None:
    page.open("bob")
    page.type("#messages", Keys.ARROW_UP, Keys.TAB)
    page.press(f"{MESSAGE}[aria-label^='Alice'] .more")
    page.see(".menu button", "Reply in thread")
    page.keys(Keys.ARROW_DOWN)
    page.keys(Keys.ENTER)
    page.see("dialog .label", "Project")
    page.keys(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog") or None)
    page.script(SAY, {"user": "alice", "channel": "#ops", "text": "@bob look at db-01"})
    assert "1" in page.see(".room.unread", "ops").text
    page.press(".room", "ops")
    page.see(f"{MESSAGE} .mention.mine", "@bob")
    assert not page.all(".room.unread")


def test_hostile_text_is_text_and_the_page_fits_a_phone(page: Page) -> None:
    page.open("carol", PHONE, dark=True)
    hostile = "<img src=x onerror=document.title='hit'> <script>document.title='hit'</script> javascript:alert(1)"
    page.type("#message-box", hostile, Keys.ENTER)
    page.see(MESSAGE, hostile)
    assert "hit" not in page.script("return document.title")
    assert page.unnamed() == []
    for pane in ("Channels", "Try and watch", "Messages"):
        page.press("#switcher button", pane)
        assert page.script("return document.documentElement.scrollWidth") == PHONE[0]
    page.press("#message-box")
    page.picture("phone")


HEIGHTS_OF_CODE = """return [...document.querySelectorAll("#messages .message .text code")].slice(-5)
  .map((one) => one.getBoundingClientRect().height)"""


def test_a_phone_keeps_ids_whole_and_breaks_what_is_wider_than_itself(page: Page) -> None:
    page.open("carol", PHONE)
    typed = [f"{'a' * beside} `r-7kq2m9xw`." for beside in (10, 20, 25, 30)]
    page.type("#message-box", f"{' '.join(typed)} `{'long-' * 30}`", Keys.ENTER)
    page.see(f"{MESSAGE} code", "long-long")
    *ids, long = page.script(HEIGHTS_OF_CODE)
    assert max(ids) < 30 < long
    assert page.script("return document.documentElement.scrollWidth") == PHONE[0]
    assert page.script("const one = document.getElementById('messages'); return one.scrollWidth <= one.clientWidth")


def test_a_phone_shows_who_one_is_and_a_reload_makes_nobody_somebody_else(page: Page) -> None:
    page.open("alice", PHONE)
    page.press("#channel-head .as", "as Alice")
    page.become("bob")
    page.script("location.reload()")
    page.see("#channel-head .as", "as Bob")
    assert page.script("return document.documentElement.scrollWidth") == PHONE[0]
    page.open("carol")
    page.until(lambda: page.script("return document.getElementById('who').value") == "U0CAROL009" or None)
    assert not page.text("#channel-head .as"), "the list at the top left says it"
    assert page.script("return document.documentElement.scrollHeight") == WIDE[1]
