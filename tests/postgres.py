"""PostgreSQL for tests: one server a session, a database of its own for each test, and servers that a test may stop.

`POSTGRES_URL` names a server that is there, by a role that may create databases. Without it one is started from the
programs that lie on this machine; where there are none, the tests that need one are skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.ports import free_port

if TYPE_CHECKING:
    from bot.store.postgres.database import PostgresDatabase

ROLE, PASSWORD = "snapshot_bot", "a-password-of-tests"
MAINTENANCE = "postgres"
"""The database from which others are made."""

EMPTY, TEMPLATE = "template1", "snapshot_bot_template"

STARTS_WITHIN_SECONDS = 60.0
ROOM_BYTES = 2_000_000_000
MISSING = "no PostgreSQL here: install it (Debian: apt-get install postgresql), or name a server with POSTGRES_URL"

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
fsync = {fsync}
full_page_writes = {fsync}
max_connections = 300
shared_buffers = 32MB
max_wal_size = 256MB
dynamic_shared_memory_type = mmap
password_encryption = md5
log_min_messages = warning
"""
_ACCESS = """
local all postgres trust
local replication postgres trust
host all all 127.0.0.1/32 md5
"""
_ROLE = f"create role {ROLE} login createdb password '{PASSWORD}'; grant pg_signal_backend to {ROLE}"
"""A database that is dropped may be one that PostgreSQL itself vacuums just then."""


def programs() -> Path | None:
    """The folder of the newest server programs; Debian keeps them out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    found = [*debian, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((path for path in reversed(found) if (path / "initdb").exists()), None)


class Cluster:
    """A server in a folder, on a loopback port. The order of text is a language's and not that of its bytes, as it is
    on most servers. `fsync`: for what measures; a killed process loses nothing without it.
    """

    def __init__(self, directory: Path, *, fsync: bool = False) -> None:
        found = programs()
        assert found is not None, MISSING
        self._programs, self._directory, self._fsync = found, directory, fsync
        self._data = directory / "data"
        self._server: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def url(self, database: str = MAINTENANCE) -> str:
        return f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when it takes connections; the first time, it is made."""
        made = not self._data.exists()
        if made:
            self._make()
        with self._log.open("ab") as log:
            server = [str(self._programs / "postgres"), "-D", str(self._data)]
            self._server = subprocess.Popen(server, stderr=log, **self._as_its_user())
        self._wait_until_ready()
        if made:
            self.do(_ROLE)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends what runs and writes all down; SIGQUIT is a crash."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(STARTS_WITHIN_SECONDS)
            self._server = None

    def do(self, statement: str) -> str:
        """As the superuser; answers what was selected."""
        where = ("-h", str(self._directory), "-p", str(self.port), "-U", "postgres")
        return self._run("psql", *where, "-qAt", "-c", statement).strip()

    def take_on(self, standby: Cluster) -> None:
        """Have another server keep up with this one, begun anew as its copy. From then on each commit waits for it."""
        standby._copy(self)
        standby.start()
        self.do("alter system set synchronous_standby_names = '*'")
        self.do("select pg_reload_conf()")
        self._until("select count(*) from pg_stat_replication where sync_state = 'sync'", "1")

    def promote(self) -> None:
        """This standby takes over."""
        self._run("pg_ctl", "promote", "-w", "-t", "600", "-D", str(self._data))
        self._until("select pg_is_in_recovery()", "f")

    def _copy(self, primary: Cluster) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._own_folder()
        where = ("-h", str(primary._directory), "-p", str(primary.port), "-U", "postgres")
        primary._run("pg_basebackup", *where, "-D", str(self._data), "-R", "-c", "fast", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"port = {self.port}\nunix_socket_directories = '{self._directory}'\n")

    def _until(self, question: str, answer: str) -> None:
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while self.do(question) != answer:
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.05)

    @property
    def _log(self) -> Path:
        return self._directory / "log"

    def _make(self) -> None:
        self._own_folder()
        locale = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-E", "UTF8", *locale, "--no-sync")
        settings = {"port": self.port, "directory": self._directory, "fsync": "on" if self._fsync else "off"}
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(**settings))
        (self._data / "pg_hba.conf").write_text(_ACCESS)

    def _own_folder(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self._directory, _its_user())

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run([str(self._programs / program), *arguments], capture_output=True, **self._as_its_user())
        assert done.returncode == 0, done.stderr.decode()
        return str(done.stdout.decode())

    def _as_its_user(self) -> dict[str, Any]:
        """No server of PostgreSQL runs as root."""
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        common: dict[str, Any] = {"cwd": self._directory, "env": environment}
        return {**common, "user": _its_user(), "extra_groups": []} if os.geteuid() == 0 else common

    def _wait_until_ready(self) -> None:
        assert self._server is not None
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            with contextlib.suppress(OSError, IndexError):
                told = (self._data / "postmaster.pid").read_text().splitlines()
                if int(told[0]) == self._server.pid and told[7].strip() == "ready":
                    return
            assert self._server.poll() is None and time.monotonic() < until, self._log.read_text()
            time.sleep(0.02)


def _folder() -> Path:
    """In memory where there is room for it: a database is made there in a tenth of the time."""
    memory = Path("/dev/shm")
    room = shutil.disk_usage(memory).free >= ROOM_BYTES if os.access(memory, os.W_OK) else False
    return Path(tempfile.mkdtemp(prefix="snapshot-bot-pg-", dir=memory if room else None))


def _its_user() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("no user that a server of PostgreSQL could run as")


# --- the server of a session ------------------------------------------------------------------------------------------


def serve(watched: int) -> None:
    """Run a server for as long as another process lives, by its id; its URL is the one line that is printed."""
    directory = _folder()
    with contextlib.ExitStack() as left:
        left.callback(shutil.rmtree, directory, ignore_errors=True)
        cluster = Cluster(directory)
        left.callback(cluster.stop, signal.SIGQUIT)
        cluster.start()
        asyncio.run(_make_template(cluster.url()))
        print(cluster.url(), flush=True)
        alive = os.pidfd_open(watched)
        left.callback(os.close, alive)
        select.select([alive], [], [])


async def _make_template(server: str) -> None:
    """A database with the tables of the store in it: others are copied from it in a moment."""
    import asyncpg

    from bot.clock import SystemClock
    from bot.store.postgres.database import PostgresDatabase

    connection = await asyncpg.connect(server)
    await connection.execute(f"create database {TEMPLATE}")
    await connection.close()
    database = PostgresDatabase(renamed(server, TEMPLATE), SystemClock())
    await database.open()
    await database.close()


def _server_of_session(shared: Path) -> str:
    """The URL of the server that all workers of a session share; the first of them starts it."""
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = shared / "postgres.json"
        if not said.exists():
            said.write_text(json.dumps(_started()))
        url: str = json.loads(said.read_text())
    return url


def _started() -> str:
    session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    command = [sys.executable, "-m", "tests.postgres", str(session)]
    root = Path(__file__).parent.parent
    with tempfile.TemporaryFile() as complaints:
        serving = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, stdin=subprocess.DEVNULL, cwd=root, process_group=0
        )
        assert serving.stdout is not None
        url = serving.stdout.readline().decode().strip()
        complaints.seek(0)
        assert url, complaints.read().decode()
        serving.stdout.close()
    serving.returncode = 0  # it outlives this process where that is a worker, and nobody waits for it
    return url


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the database from which others are made."""
    if given := os.environ.get("POSTGRES_URL"):
        return given
    if programs() is None:
        pytest.skip(MISSING)
    base = tmp_path_factory.getbasetemp()
    return _server_of_session(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """The URL of an empty database, which ends with the test."""
    async with database_of(postgres_server) as url:
        yield url


@contextlib.asynccontextmanager
async def database_of(server: str, template: str = EMPTY) -> AsyncIterator[str]:
    import asyncpg

    name = f"snapshot_bot_{uuid4().hex}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"create database {name} template {template}")
        try:
            yield renamed(server, name)
        finally:
            await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def store_on(server: str) -> AsyncIterator[PostgresDatabase]:
    """An open store on a database of its own, which has its tables already where that saves time."""
    from bot.clock import SystemClock
    from bot.store.postgres.database import PostgresDatabase

    template = EMPTY if os.environ.get("POSTGRES_URL") else TEMPLATE
    async with database_of(server, template) as url:
        database = PostgresDatabase(url, SystemClock())
        await database.open()
        try:
            yield database
        finally:
            await database.close()


def renamed(server: str, database: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


@pytest.fixture
def postgres_cluster() -> Iterator[Cluster]:
    """A server of this test's own, not started yet: it may be stopped, killed and started again."""
    if programs() is None:
        pytest.skip(MISSING)
    with cluster_of_its_own() as cluster:
        yield cluster


@contextlib.contextmanager
def cluster_of_its_own() -> Iterator[Cluster]:
    directory = _folder()
    cluster = Cluster(directory)
    try:
        yield cluster
    finally:
        cluster.stop(signal.SIGQUIT)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
