"""The workspace as a page in the browser: channels, forms and Home in front of the real bot, the cloud beside them.

| path                       | for                                                                                    |
| -------------------------- | -------------------------------------------------------------------------------------- |
| GET /                      | the page; its files under /page/ need no build and ask for nothing from elsewhere      |
| GET /page/stream?viewer=ID | what that person may see, as server-sent events: first all of it, then what has changed |
| POST /page/trouble         | `trouble`, and `on` for a switch                                                       |
| POST /page/bot             | `do`: start, kill or stop                                                              |
| POST /page/try             | `number` of the thing to try                                                           |
| POST /page/explain         | `user`, `action`, `project`, `channel`: the bot's own explanation of its decision      |
| POST /page/trail           | `after`, a row's number or null: rows of the bot's audit trail                         |
| POST /page/plug            | `disk`, `attached`: plug it in or out, as a person does it in the console              |

What people do goes to the workspace's control paths.
"""

from bot.simulator.page.site import Explain, Site
from bot.simulator.page.story import Story, read_story

__all__ = ["Explain", "Site", "Story", "read_story"]
