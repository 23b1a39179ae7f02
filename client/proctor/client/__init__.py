"""HTTP client of a platform, for the command line, the dashboard and people's own scripts.

>>> client = Client("http://127.0.0.1:8000", token="tok_...")  # doctest: +SKIP
>>> client.leaderboard("digits", "main").rows[0].participant  # doctest: +SKIP
'svc'

It knows the published language and nothing of what answers.
"""

from proctor.client.api import Client
from proctor.client.blobs import Blob, DownloadError
from proctor.client.errors import ApiError, HostError

__all__ = ["ApiError", "Blob", "Client", "DownloadError", "HostError"]
