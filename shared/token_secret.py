"""The secret that holds the Toast token: its annotations, guarded by the etag, and its versions.

Google's facts (Secret Manager documentation, "etags" and "data consistency"): an update that names an etag is done only
if it is the stored one, else FAILED_PRECONDITION; versions and the secret have etags of their own; a version is
found by its number as soon as it was added, while "latest" can lag behind. So the number stands in an annotation.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from shared.secrets_utils import secret_manager_client

if TYPE_CHECKING:
    from google.cloud.secretmanager import SecretManagerServiceClient

T = TypeVar("T")

# Each call to Secret Manager takes a tenth of a second as a rule.
_BOUNDED: dict[str, Any] = {"timeout": 3.0, "retry": None}
_PAUSE_SECONDS = 0.3
_PASSING = ("ServiceUnavailable", "DeadlineExceeded", "InternalServerError", "TooManyRequests", "ResourceExhausted")
# A version that nothing points at, and that is older than this, was left behind by a process that died.
_ORPHAN_AGE = dt.timedelta(minutes=10)

ROLE = "roles/secretmanager.admin"
"""No smaller predefined role may change a secret's annotations; on this one secret, it is all that it may change."""


class SecretUnusable(Exception):
    """The secret cannot be used now: Secret Manager is slow or down. The message names the kind of failure only."""


class SecretMissing(SecretUnusable):
    """There is no such secret, or no permission on it; the message says what to do."""


class _OtherState(Exception):
    """What was to be changed or read is not in the state that this needs; an etag that is not the stored one, say."""


class SecretState(NamedTuple):
    """A secret's annotations, and the etag that they were read with."""

    annotations: Mapping[str, str]
    etag: str


class TokenSecret:
    """One secret of Secret Manager. Every call is bounded: some seconds, one repetition.

    All methods raise SecretUnusable, or SecretMissing. Nothing of a payload gets into a message.
    """

    def __init__(self, project: str, name: str, *, client: SecretManagerServiceClient | None = None) -> None:
        """``client`` is a seam for tests; otherwise the one that the credentials were read with."""
        self.project = project
        self.name = name
        self._resource = f"projects/{project}/secrets/{name}"
        self._client = client

    def state(self) -> SecretState:
        """The annotations and the etag, as they stand."""
        secret = self._call(lambda client: client.get_secret(name=self._resource, **_BOUNDED))
        return SecretState(dict(secret.annotations), secret.etag)

    def update(self, annotations: Mapping[str, str], etag: str) -> bool:
        """Replace the annotations, if the secret is still the one of ``etag``; whether that was so.

        Not repeated: after a lost reply the etag is another one, and the caller has to read who changed it.
        """
        secret = {"name": self._resource, "annotations": dict(annotations), "etag": etag}
        request = {"secret": secret, "update_mask": {"paths": ["annotations"]}}
        try:
            self._call(lambda client: client.update_secret(request=request, **_BOUNDED), tries=1)
        except _OtherState:
            return False
        return True

    def payload(self, version: int) -> bytes | None:
        """What a version holds; None if it was destroyed or disabled, or never was."""
        name = f"{self._resource}/versions/{version}"
        try:
            found = self._call(lambda client: client.access_secret_version(name=name, **_BOUNDED), of_version=True)
        except _OtherState:
            return None
        return bytes(found.payload.data)

    def add(self, payload: bytes) -> int:
        """Add a version; its number. Not repeated: if it was added and the reply lost, there would be two."""
        request = {"parent": self._resource, "payload": {"data": payload}}
        added = self._call(lambda client: client.add_secret_version(request=request, **_BOUNDED), tries=1)
        return _number(added.name)

    def destroy(self, superseded: int, keep: Collection[int]) -> None:
        """Destroy a version, and those that processes which died left behind; never one of ``keep`` or newer ones."""
        request = {"parent": self._resource, "filter": "state:ENABLED"}
        listed = self._call(lambda client: list(client.list_secret_versions(request=request, **_BOUNDED)))
        old = dt.datetime.now(dt.UTC) - _ORPHAN_AGE
        for version in listed:
            number = _number(version.name)
            if number in keep or number > max(keep):
                continue
            if number == superseded or version.create_time < old:
                self._destroy(version.name, version.etag)

    def _destroy(self, name: str, etag: str) -> None:
        request = {"name": name, "etag": etag}
        # Another state: somebody else did it, or an operator changed the version just now.
        with contextlib.suppress(_OtherState):
            self._call(lambda client: client.destroy_secret_version(request=request, **_BOUNDED), of_version=True)

    def _call(self, call: Callable[[SecretManagerServiceClient], T], *, tries: int = 2, of_version: bool = False) -> T:
        for left in reversed(range(tries)):
            try:
                return call(self._ready_client())
            except Exception as error:
                # Not chained: the text of an error can quote what was sent.
                kind = type(error).__name__
                if left == 0 or kind not in _PASSING:
                    raise self._meaning(kind, of_version) from None
            time.sleep(_PAUSE_SECONDS)
        raise ValueError("tries must be at least 1")

    def _ready_client(self) -> SecretManagerServiceClient:
        if self._client is None:
            self._client = secret_manager_client()
        return self._client

    def _meaning(self, kind: str, of_version: bool) -> Exception:
        """What an error means; by its name, so that google's packages need not be imported."""
        if kind in ("FailedPrecondition", "Aborted") or (kind == "NotFound" and of_version):
            return _OtherState(kind)
        if kind in ("NotFound", "PermissionDenied", "Forbidden"):
            return SecretMissing(self._advice(kind))
        return SecretUnusable(kind)

    def _advice(self, kind: str) -> str:
        create = f"gcloud secrets create {self.name} --project {self.project} --replication-policy automatic"
        grant = (
            f"gcloud secrets add-iam-policy-binding {self.name} --project {self.project} "
            f"--member serviceAccount:ACCOUNT --role {ROLE}"
        )
        what = "does not exist" if kind == "NotFound" else "may not be used"
        first = f"Create it with '{create}', then let" if kind == "NotFound" else "Let"
        return (
            f"The secret {self.name!r} of project {self.project!r}, through which instances share one Toast token, "
            f"{what}: each instance logs in by itself, and Toast allows two logins an hour. {first} the functions' "
            f"service account read and change this one secret: '{grant}'."
        )


def _number(resource: str) -> int:
    return int(resource.rsplit("/", 1)[1])
