"""One record is one line, and no secret stands in it."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import Redactor, configure_logs

MARK = "9vq7"
"""A part of every secret here, and of nothing else that a log may hold: the path of a checkout stands in tracebacks."""

SECRETS = (f"{MARK}-hush", f'{MARK}qu"ote\\d', f"ü {MARK}&cent", "")
log = logging.getLogger("bot.evs")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the logs go; afterwards the root logger is as it was."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield io.StringIO()
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def console(stream: io.StringIO) -> io.StringIO:
    configure_logs("console", "INFO", SECRETS, stream)
    return stream


@pytest.fixture
def as_json(stream: io.StringIO) -> io.StringIO:
    configure_logs("json", "INFO", SECRETS, stream)
    return stream


def written(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    value: dict[str, Any] = json.loads(line)
    return value


def at_21_04_05(level: int, message: str, **facts: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "bot.evs", "levelno": level, "msg": message, **facts})
    record.levelname, record.created = logging.getLevelName(level), 1_700_082_245.25
    return record


def fail() -> None:
    raise ValueError(f"{MARK}-hush\n12:00:00 info  bot.evs  forged")


@pytest.mark.parametrize(
    ("level", "shown"),
    [(logging.INFO, "info "), (logging.WARNING, "warn "), (logging.ERROR, "error"), (logging.CRITICAL, "fatal")],
)
def test_the_console_shows_time_level_logger_sentence_and_facts(console: io.StringIO, level: int, shown: str) -> None:
    log.handle(at_21_04_05(level, "snapshot created", item="i1", project="payments-prod"))
    assert console.getvalue() == f"21:04:05 {shown} bot.evs  snapshot created  item=i1 project=payments-prod\n"


def test_a_record_without_facts_ends_with_its_sentence(console: io.StringIO) -> None:
    log.handle(at_21_04_05(logging.INFO, "started"))
    assert console.getvalue() == "21:04:05 info  bot.evs  started\n"


def test_console_facts_that_are_not_one_word_are_quoted(console: io.StringIO) -> None:
    log.info("x", extra={"reason": 'a "b"', "empty": "", "disks": ["d1", "d2"], "wait_s": 1.5, "equal": "a=b"})
    assert console.getvalue().endswith(r'x  reason="a \"b\"" empty="" disks=["d1", "d2"] wait_s=1.5 equal="a=b"' + "\n")


def test_json_is_one_object_a_line(as_json: io.StringIO) -> None:
    log.handle(at_21_04_05(logging.WARNING, "slow", item="i1", wait_s=2, odd=float("inf"), deep={"a": (1, None)}))
    assert written(as_json) == {
        "ts": "2023-11-15T21:04:05.250Z",
        "level": "warning",
        "logger": "bot.evs",
        "message": "slow",
        "item": "i1",
        "wait_s": 2,
        "odd": "inf",
        "deep": {"a": [1, None]},
    }


def test_a_fact_does_not_take_the_place_of_the_records_own_keys(as_json: io.StringIO) -> None:
    log.info("x", extra={"level": "high", "ts": "1.2"})
    assert written(as_json) | {"level": "info", "level_": "high", "ts_": "1.2"} == written(as_json)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\x0b", "\x85", "\u2028"])
@pytest.mark.parametrize("format_", ["console", "json"])
def test_line_breaks_do_not_make_a_second_line(
    stream: io.StringIO, format_: Literal["console", "json"], line_break: str
) -> None:
    configure_logs(format_, "INFO", (), stream)
    log.info("a%sb", line_break, extra={"reason": f"c{line_break}d", "disks": [line_break]})
    assert len(stream.getvalue().splitlines()) == 1


def test_an_exception_stands_inside_the_json_object(as_json: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        log.exception("failed")
    exception = written(as_json)["exception"]
    assert exception.startswith("Traceback")
    assert "ValueError: [hidden]" in exception


def test_a_console_traceback_is_indented_so_that_it_cannot_pass_for_a_record(console: io.StringIO) -> None:
    try:
        fail()
    except ValueError:
        log.exception("failed")
    first, *rest = console.getvalue().splitlines()
    assert first.endswith("bot.evs  failed")
    assert rest[-2:] == ["    ValueError: [hidden]", "    12:00:00 info  bot.evs  forged"]
    assert all(line.startswith("    ") for line in rest)


def test_a_stack_is_shown_where_it_is_asked_for(as_json: io.StringIO) -> None:
    log.info("here", stack_info=True)
    assert "Stack (most recent call last)" in written(as_json)["exception"]


SENSITIVE = [
    f"{MARK}-hush",
    f'{MARK}qu"ote\\d',
    repr(f'{MARK}qu"ote\\d'),
    json.dumps(f'{MARK}qu"ote\\d'),
    f"ü {MARK}&cent",
    f"%C3%BC%20{MARK}%26cent",
    f"xoxb-{MARK}-456-{MARK}",
    f"xoxp-{MARK}-456",
    f"xoxe-1-{MARK}",
    f"xoxe.xoxb-1-{MARK}",
    f"xapp-1-A0-{MARK}-{MARK}",
    f"https://hooks.slack.com/actions/{MARK}/2/{MARK}",
    rf"https:\/\/hooks.slack.com\/commands\/{MARK}\/2\/{MARK}",
    f"http://127.0.0.1:8089/response/{MARK}",
    f"wss://wss-primary.slack.com/link/?ticket={MARK}",
    f"X-Auth-Token: MII{MARK}",
    f"{{'x-auth-token': 'MII{MARK}', 'b': 1}}",
    f'{{"X-Subject-Token": "MII{MARK}"}}',
    f"[(b'X-Subject-Token', b'MII{MARK}')]",
    f"Authorization: Bearer {MARK}",
    f"Authorization: SDK-HMAC-SHA256 Access=AK{MARK}, SignedHeaders=host, Signature={MARK}",
    f"StringToSign and Signature={MARK}c",
]


@pytest.mark.parametrize("text", SENSITIVE)
@pytest.mark.parametrize("format_", ["console", "json"])
def test_what_is_secret_is_hidden_wherever_it_stands(
    stream: io.StringIO, format_: Literal["console", "json"], text: str
) -> None:
    configure_logs(format_, "INFO", SECRETS, stream)
    facts = {"body": text, "deep": {"a": [text]}, "error": ValueError(text), text: 1}
    try:
        raise RuntimeError(text)
    except RuntimeError:
        log.exception(f"x %s {text.replace('%', '%%')}", text, extra=facts)
    assert stream.getvalue().count("Traceback") == 1
    assert MARK not in stream.getvalue()


def test_a_fact_named_like_a_secret_header_is_hidden(as_json: io.StringIO) -> None:
    log.info("x", extra={"X-Auth-Token": "MII", "headers": {"authorization": "abc", "host": "evs"}})
    assert written(as_json)["X-Auth-Token"] == "[hidden]"
    assert written(as_json)["headers"] == {"authorization": "[hidden]", "host": "evs"}


def test_what_is_not_secret_is_left_alone(console: io.StringIO) -> None:
    text = "The authorization of U1 ended; see https://api.slack.com/methods and box-1"
    log.info(text)
    assert text in console.getvalue()


NASTY = "data\x1b[2J\n\u202edeteled\u3164\x9b31m\x7f"


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_would_act_in_a_terminal_or_hide_is_made_visible(
    form: Literal["console", "json"], stream: io.StringIO
) -> None:
    configure_logs(form, "INFO", [], stream)
    try:
        raise ValueError(NASTY)
    except ValueError:
        log.exception(NASTY, extra={"disk": NASTY, NASTY: [NASTY, {NASTY: NASTY}]})
    written = stream.getvalue()
    assert all(line.isprintable() for line in written.split("\n"))
    assert "\u3164" not in written and "\x7f" not in written
    if form == "json":
        assert json.loads(written)["disk"] == NASTY
    else:
        assert "\\x1b[2J\\n\\u202edeteled\\u3164\\x9b31m\\x7f" in written


def test_nothing_is_hidden_for_a_secret_too_short_to_be_one(stream: io.StringIO) -> None:
    configure_logs("console", "INFO", ["ack", "", "s", "slacker"], stream)
    log.info("slack answered the slackers")
    assert stream.getvalue().endswith("bot.evs  slack answered the slackers\n")


def test_a_secret_that_begins_with_another_is_hidden_whole(stream: io.StringIO) -> None:
    configure_logs("console", "INFO", ["abcdefgh", "abcdefghij"], stream)
    log.info("abcdefghij")
    assert stream.getvalue().endswith("bot.evs  [hidden]\n")


def test_a_record_that_cannot_be_rendered_is_told_without_its_contents(console: io.StringIO) -> None:
    (handler,) = [known for known in logging.getLogger().handlers if getattr(known, "stream", None) is console]
    handler.handle(at_21_04_05(logging.INFO, "%d disks", args=(SECRETS[0],), lineno=7))
    told = written(console)
    assert told == {"level": "error", "message": "log record not written", "logger": "bot.evs line 7"}


def test_a_disk_without_room_for_the_log_stops_nobody(stream: io.StringIO) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError("No space left on device")

    configure_logs("console", "INFO", SECRETS, Full())
    log.info("unheard")


OTHERS = ["slack_bolt.AsyncApp", "slack_sdk", "aiohttp.access", "httpx", "httpcore", "x:AsyncApp"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_loggers_are_heard_from_warning_on_whatever_level_they_took(console: io.StringIO, name: str) -> None:
    other = logging.getLogger(name)
    other.setLevel(logging.INFO)
    other.info("quiet")
    other.warning("loud")
    other.setLevel(logging.NOTSET)
    assert [line.split("  ")[-1] for line in console.getvalue().splitlines()] == ["loud"]


def test_what_the_pool_says_each_second_of_a_server_that_is_away_is_left_to_the_bot(console: io.StringIO) -> None:
    logging.getLogger("asyncpg.pool").warning("Failed to restore the pool connection floor; retrying")
    logging.getLogger("asyncpg.pool").error("worse")
    assert [line.split("  ")[-1] for line in console.getvalue().splitlines()] == ["worse"]


def test_at_debug_other_loggers_are_heard_but_never_the_headers_of_the_http_client(stream: io.StringIO) -> None:
    configure_logs("console", "DEBUG", (), stream)
    for name in ("slack_bolt", "httpx", "httpcore.http11"):
        logging.getLogger(name).debug("debug of %s", name)
        logging.getLogger(name).info("info of %s", name)
    told = [line.split("  ")[-1] for line in stream.getvalue().splitlines()]
    assert told == ["debug of slack_bolt", "info of slack_bolt", "info of httpx", "info of httpcore.http11"]


def test_the_level_is_kept(stream: io.StringIO) -> None:
    configure_logs("console", "WARNING", (), stream)
    log.info("quiet")
    assert stream.getvalue() == ""


def test_configuring_again_replaces_what_was_configured(console: io.StringIO) -> None:
    again = io.StringIO()
    configure_logs("json", "INFO", (), again)
    log.info("x")
    assert console.getvalue() == ""
    assert written(again)["message"] == "x"


SHAPED = (
    "xoxb-1 xapp-1 HOOKS.slack.com/x https: / \\/ response/ wss: Signature= 00ff X-Auth-Token Authorization cookie : ="
)


@given(st.lists(st.sampled_from([*SHAPED.split(), "'", '"', " ", "harmless"]), max_size=8).map("".join))
def test_text_that_is_passed_over_quickly_has_nothing_to_hide(text: str) -> None:
    """Looked at with a mark in it, it stays as it is but for that."""
    quick, thorough = Redactor(()).text(text), Redactor(()).text(f"// {text}")
    assert thorough == f"// {quick}"


# --- from a thread ----------------------------------------------------------------------------------------------------

UNREAD = """
import logging, sys, time
from bot import logs
logs.MOST_WAITING = 50
logs.configure_logs("json", "INFO", ())
log = logging.getLogger("bot.evs")
began = time.monotonic()
for number in range(2_000):
    log.info("x" * 1_000, extra={"number": number})
print(time.monotonic() - began, flush=True)
sys.stdin.readline()
time.sleep(1)
log.info("heard again")
"""
"""More than a pipe and the line before it hold, written while nothing reads, and one more later."""


def unread() -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", UNREAD], **pipes)  # type: ignore[call-overload,no-any-return]


def test_where_nothing_reads_the_log_nobody_waits_and_the_process_ends_well() -> None:
    with unread() as process:
        assert process.stdin and process.stdout
        assert float(process.stdout.readline()) < 5
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.wait(10) == 0


def test_lines_that_were_dropped_are_counted_once_they_are_read_again() -> None:
    with unread() as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.readline()
        heard = [json.loads(process.stderr.readline()) for _ in range(20)]
        process.stdin.write(b"\n")
        process.stdin.flush()
        heard += [json.loads(line) for line in process.stderr]
        assert process.wait(10) == 0
    assert [line["number"] for line in heard[:20]] == list(range(20)), "in their order"
    dropped, last = heard[-2:]
    assert (last["message"], dropped["level"]) == ("heard again", "warning")
    assert dropped["message"] == "lines of the log were dropped: nothing read them"
    counted = sum(line["count"] for line in heard if "count" in line)
    assert counted == 2_000 - sum("number" in line for line in heard)


def test_what_waits_at_the_end_is_written_in_its_order() -> None:
    program = UNREAD.replace("MOST_WAITING = 50", "MOST_WAITING = 5_000").replace('"x" * 1_000', '"x"')
    ended = subprocess.run([sys.executable, "-c", program], input=b"\n", capture_output=True, check=True, timeout=60)
    heard = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line.get("number") for line in heard] == [*range(2_000), None]
