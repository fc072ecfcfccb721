"""The client of the cloud: IAM and EVS over HTTPS."""

import sys

# httpx imports its own command line with itself, and rich and pygments with that wherever they are installed (typer, of
# PgQueuer, brings them): 2.6 MiB of a bot at rest. A module that is None can't be imported, and httpx does without it.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
