"""``python -m proctor_dashboard --api URL --port PORT``: serve the pages until stopped.

Streamlit is told everything by flags, so that it neither reads nor writes a configuration of the
user's, sends no statistics and opens no browser.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from streamlit.web import cli as streamlit_cli

_THEME = {
    "base": "light",
    "primaryColor": "#0f5c4d",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f3f6f5",
    "textColor": "#17211f",
    "linkColor": "#0f5c4d",
    "font": "sans-serif",
}


def main() -> None:
    """Serve the dashboard of the platform at ``--api``."""
    parser = argparse.ArgumentParser(prog="python -m proctor_dashboard", description=__doc__)
    parser.add_argument("--api", required=True, help="address of the platform's API")
    parser.add_argument(
        "--public-api", default="", help="the same as browsers reach it, if that is another"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8501)
    given = parser.parse_args()
    options = {
        "server.address": given.host,
        "server.port": given.port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        **{f"theme.{name}": value for name, value in _THEME.items()},
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    script = Path(__file__).parent / "app.py"
    sys.argv = ["streamlit", "run", str(script), *flags, "--", "--api", given.api]
    sys.argv += ["--public-api", given.public_api]
    streamlit_cli.main()


if __name__ == "__main__":
    main()
