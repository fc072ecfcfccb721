"""Each control stands in the table once, and every control that is shown has its use case there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from bot.slack import ids
from bot.slack.listeners import routes
from bot.slack.listeners.actions import Actions

SURFACES = ("action", "view", "options", "shortcut")


class Anything:
    def __getattr__(self, name: str) -> Any:
        return Anything()

    def __call__(self, *_: Any) -> None:
        pass


class Recording:
    """Remembers what is registered."""

    def __init__(self) -> None:
        self.registered: list[tuple[str, str]] = []

    def __getattr__(self, surface: str) -> Callable[[str], Callable[[Any], None]]:
        def register(name: str) -> Callable[[Any], None]:
            self.registered.append((surface, name))
            return lambda listener: None

        return register


def registered() -> list[tuple[str, str]]:
    app, anything = Recording(), Anything()
    tables: Any = (routes.buttons(anything, anything, anything), routes.small_forms(anything))  # type: ignore[arg-type]  # nothing is called
    made: Any = Actions(anything, anything, anything, *tables)  # type: ignore[arg-type]  # nor here
    routes.register(app, made, anything, anything, anything)  # type: ignore[arg-type]  # as much of it as is registered
    return app.registered


def test_each_control_is_registered_once() -> None:
    counted = Counter(registered())
    assert [route for route, times in counted.items() if times > 1] == []
    assert {surface for surface, _ in counted} == set(SURFACES)


def test_every_button_that_is_shown_has_a_use_case() -> None:
    shown = {value for name, value in vars(ids).items() if name.isupper()}
    others = {ids.BACKUP_FOR_MESSAGE, ids.CONSOLE, ids.FROM_APP_HOME}
    assert shown - others <= {name for surface, name in registered() if surface == "action"}
