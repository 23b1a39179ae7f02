"""``python -m proctor_platform``: serve the API on the settings of the environment."""

from __future__ import annotations

import contextlib
import socket
import sys

import uvicorn

from proctor_platform import logs
from proctor_platform.app import create_app
from proctor_platform.database import Database
from proctor_platform.first_start import admin_token_file, make_secrets
from proctor_platform.hosting.rooms import Rooms
from proctor_platform.settings import PlatformSettings
from proctor_platform.work.waiting_room import WaitingRoom


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
    config = uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, app.state.waiting_room, app.state.rooms)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(3)


class _Server(uvicorn.Server):
    """A server that does not wait for workers that wait for work when it is to end."""

    def __init__(self, config: uvicorn.Config, waiting_room: WaitingRoom, rooms: Rooms) -> None:
        super().__init__(config)
        self._waiting_room = waiting_room
        self._rooms = rooms

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send them away first."""
        self._waiting_room.close()
        self._rooms.close()
        await super().shutdown(sockets)


if __name__ == "__main__":
    main()
