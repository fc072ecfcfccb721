"""Which project of the cloud each alias of bot.toml stood for: what runs is found again after the file changed."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.projects import Project
from bot.store.script import Script, insert, sql

_REPLACE = "on conflict (alias) do update set project_id = excluded.project_id, region = excluded.region"
_IN_THE_CLOUD = ("item", "consistency_group", "restoration", "deletion")
"""Tables whose rows say where something is looked at: what has ended too, as long as people ask how it stands."""


def configured(projects: Mapping[str, Project]) -> Script[dict[str, str]]:
    """Note what the aliases stand for now. Answers those that are configured no more and whose project has another name
    now, with that name.

    What was begun under an alias that stands for another project from now on keeps the one it was begun in: there it is
    looked at, and nowhere else is it missed.
    """
    rows = yield sql("select alias, project_id, region from project_alias")
    before = {row["alias"]: (row["project_id"], row["region"]) for row in rows}
    now = {alias: (one.project_id, one.region) for alias, one in projects.items()}
    for alias in [alias for alias in before if now.get(alias, before[alias]) != before[alias]]:
        stood_for = before.pop(alias)
        aside = f"{alias}~{stood_for[0][:8]}"
        before[aside] = stood_for
        for table in _IN_THE_CLOUD:
            yield sql(f"update {table} set project = :aside where project = :alias", aside=aside, alias=alias)
        yield sql("delete from named_disk where project = :alias", alias=alias)
    for alias, (project_id, region) in (before | now).items():
        yield insert("project_alias", {"alias": alias, "project_id": project_id, "region": region}, _REPLACE)
    named = {one: alias for alias, one in now.items()}
    return {alias: named[one] for alias, one in before.items() if alias not in now and one in named}
