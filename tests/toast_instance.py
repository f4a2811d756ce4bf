"""One instance of a function, as a process: asks Toast for a restaurant when it is told to, and says what came of it.

    python toast_instance.py ADDRESS_OF_SECRET_MANAGER TOAST_API_HOST

Each line of standard input begins or goes on, ``{"begin": true, "later": 43}``, and is answered by one line. ``later``
says by how many more seconds its clocks are ahead from now on. All that can log does so, at DEBUG, to standard error.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

_ahead = 0.0
_unix, _monotonic = time.time, time.monotonic
# Before anything of the project is imported, which keeps references to them.
time.time = lambda: _unix() + _ahead
time.monotonic = lambda: _monotonic() + _ahead

from google.cloud import secretmanager  # noqa: E402
from secret_manager import connect  # noqa: E402

from shared import connections, logs  # noqa: E402
from shared.config import DEFAULT_RESTAURANTS_FILE, Settings, load_tenants  # noqa: E402
from shared.errors import EtlError  # noqa: E402
from shared.toast_client import Usage  # noqa: E402


def main(secrets: str, toast: str) -> None:
    global _ahead
    log_everything()
    logs.configure("DEBUG")
    secretmanager.SecretManagerServiceClient = lambda: connect(secrets)
    (tenant,) = load_tenants(DEFAULT_RESTAURANTS_FILE).values()
    settings = Settings(project="p", toast_api_host=toast)
    print("ready", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        _ahead += told.get("later", 0)
        if told.get("begin"):
            connections.toast_client.cache_clear()
        print(json.dumps(ask(settings, tenant)), flush=True)


def log_everything():
    """With each record's extra fields; Google's packages keep their records from the root logger."""
    handler = logging.StreamHandler()
    handler.format = lambda record: repr(vars(record))
    for name in (None, "google"):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.DEBUG)


def ask(settings, tenant):
    usage, answer, began = Usage(), {"error": None}, _monotonic()
    try:
        client = connections.toast_client(settings, tenant, 1)
        client.now()
        client.restaurant(tenant.restaurants[0].guid, usage=usage)
        token = client._session._login._token
        answer |= {"token": hashlib.sha256(token.value.encode()).hexdigest(), "version": token.version}
    except EtlError as error:
        retry_after = getattr(error, "retry_after", None)
        answer |= {"error": type(error).__name__, "detail": str(error), "retry_after": retry_after}
    return answer | {"seconds": _monotonic() - began}


if __name__ == "__main__":
    main(*sys.argv[1:])
