"""``python -m proctor_platform``: serve the API on the settings of the environment."""

from __future__ import annotations

import sys

import uvicorn

from proctor_platform import logs
from proctor_platform.app import create_app
from proctor_platform.database import Database
from proctor_platform.first_start import admin_token_file, make_secrets
from proctor_platform.settings import PlatformSettings


def main() -> None:
    """Bring the tables up to date, make the first secrets, serve until told to stop."""
    settings = PlatformSettings()
    logs.configure()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    app = create_app(settings)
    database: Database = app.state.database
    path = admin_token_file(settings.home)
    if path in make_secrets(database, settings.home):
        print(f"The admin's token is in {path}", file=sys.stderr)
    uvicorn.run(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
