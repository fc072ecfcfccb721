"""A syslog receiver over TLS: RFC 5424 messages, each in a frame of RFC 5425, with the row as JSON.

Syslog has no receipts. So each batch is a connection of its own that is ended in both directions: a receiver that
closes after it was told that nothing more comes has read all of it, and the batch counts. Where the connection breaks
instead, the batch is sent again.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from bot.domain.errors import ReceiverAway
from bot.domain.shipping import SyslogAddress
from bot.outages import Outages, cause_of
from bot.ports.audit import ShippedRow

_STEP_SECONDS = 5.0
_WITHIN_SECONDS = 20.0
_AUDIT = 13 * 8
"""The facility of a log audit, RFC 5424 table 1."""

_NOTICE, _INFORMATION = 5, 6


class SyslogReceiver:
    """`ca`: a file with the authorities whose certificates count; None: those of this machine."""

    def __init__(self, address: SyslogAddress, ca: Path | None, outages: Outages) -> None:
        self._address = address
        self._ca = ca
        self._outages = outages
        self._context: ssl.SSLContext | None = None

    async def take(self, rows: Sequence[ShippedRow]) -> None:
        """Raises ReceiverAway."""
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                await self._send(b"".join(map(framed, rows)))
        except (OSError, TimeoutError) as exc:  # an SSLError is one, too
            self._context = None  # another file may lie there by the next time
            self._outages.lost(self._address.host, cause_of(exc))
            raise ReceiverAway(f"{self._address} did not take audit rows: {cause_of(exc)}.") from None
        self._outages.found(self._address.host)

    async def _send(self, frames: bytes) -> None:
        if self._context is None:
            self._context = await asyncio.to_thread(ssl.create_default_context, cafile=self._ca)
        reader, writer = await asyncio.open_connection(
            self._address.host,
            self._address.port,
            ssl=self._context,
            ssl_handshake_timeout=_STEP_SECONDS,
            ssl_shutdown_timeout=_STEP_SECONDS,
        )
        try:
            writer.write(frames)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        finally:
            writer.transport.abort()
        if trouble := reader.exception():
            raise trouble


def framed(row: ShippedRow) -> bytes:
    """MSG-LEN SP SYSLOG-MSG."""
    message = _message(row)
    return b"%d %s" % (len(message), message)


def _message(row: ShippedRow) -> bytes:
    """`<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`, in ASCII."""
    priority = _AUDIT + (_NOTICE if row["outcome"] in ("denied", "failed") else _INFORMATION)
    at = str(row["at"]).replace("+00:00", "Z")
    moment = at if at.endswith("Z") else "-"
    host = "".join(char for char in socket.gethostname() if "!" <= char <= "~")[:255] or "-"
    return f"<{priority}>1 {moment} {host} snapshot-bot - audit - {json.dumps(dict(row))}".encode("ascii")
