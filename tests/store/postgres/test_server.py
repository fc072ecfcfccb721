"""The PostgreSQL of the tests themselves."""

from __future__ import annotations

import signal

import asyncpg

from tests.postgres import ROLE, Cluster


async def test_each_test_has_a_database_of_its_own(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("create table mine (id integer)")
    assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 1
    await connection.close()


async def test_a_server_that_crashes_keeps_what_was_committed(postgres_cluster: Cluster) -> None:
    postgres_cluster.start()
    connection = await asyncpg.connect(postgres_cluster.url())
    await connection.execute("create database kept")
    await connection.close()
    postgres_cluster.stop(signal.SIGQUIT)
    postgres_cluster.start()
    connection = await asyncpg.connect(postgres_cluster.url("kept"))
    assert await connection.fetchval("select current_user") == ROLE
    await connection.close()
