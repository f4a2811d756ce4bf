"""A Secret Manager on this machine, which Google's own client talks gRPC to: secrets, versions, etags, annotations.

It keeps what Secret Manager documents of them: an update or destruction that names an etag is refused with
FAILED_PRECONDITION unless it is the stored one; every change gives a new etag; versions have etags of their own; a
destroyed version has no payload any more.
"""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from concurrent import futures
from dataclasses import dataclass, field

import grpc
from google.cloud.secretmanager import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from google.cloud.secretmanager_v1.types import resources, service

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
ENABLED, DESTROYED = resources.SecretVersion.State.ENABLED, resources.SecretVersion.State.DESTROYED

METHODS = {
    "GetSecret": ("get_secret", service.GetSecretRequest, resources.Secret),
    "UpdateSecret": ("update_secret", service.UpdateSecretRequest, resources.Secret),
    "AddSecretVersion": ("add_secret_version", service.AddSecretVersionRequest, resources.SecretVersion),
    "AccessSecretVersion": (
        "access_secret_version",
        service.AccessSecretVersionRequest,
        service.AccessSecretVersionResponse,
    ),
    "ListSecretVersions": (
        "list_secret_versions",
        service.ListSecretVersionsRequest,
        service.ListSecretVersionsResponse,
    ),
    "DestroySecretVersion": ("destroy_secret_version", service.DestroySecretVersionRequest, resources.SecretVersion),
}


def connect(address: str) -> SecretManagerServiceClient:
    """Google's client, talking to the fake."""
    channel = grpc.insecure_channel(address)
    return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))


@dataclass
class Stored:
    """A secret as the fake keeps it."""

    etag: str
    annotations: dict[str, str] = field(default_factory=dict)
    versions: dict[int, resources.SecretVersion] = field(default_factory=dict)
    payloads: dict[int, bytes] = field(default_factory=dict)


class SecretManager:
    """The server. What a test does to it: ``down``, ``denied``, ``latency``, ``lost``; what it looks at: the rest."""

    def __init__(self) -> None:
        self.secrets: dict[str, Stored] = {}
        self.calls: list[str] = []
        self.conflicts = 0
        self.written: list[str] = []
        """Every text that was stored where more people can read it than a payload: annotations."""
        self.down = False
        self.latency = 0.0
        self.denied: set[str] = set()
        self.lost: set[str] = set()
        """Methods whose reply gets lost after they were carried out, once."""
        self.payloads: list[bytes] = []
        """Every payload that was stored."""
        self._etags = (f'"{number:x}"' for number in itertools.count(1))
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = grpc.server(futures.ThreadPoolExecutor(64))
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                self._handler(name, getattr(self, method)),
                request_deserializer=asked.deserialize,
                response_serializer=answered.serialize,
            )
            for name, (method, asked, answered) in METHODS.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._stopping.set()
        self._server.stop(None).wait()

    # --- what a test stores and looks at ---

    def create(self, name: str, value: str | None = None) -> Stored:
        """A secret of project "p", with a version if there is a value."""
        stored = self.secrets[f"projects/p/secrets/{name}"] = Stored(next(self._etags))
        if value is not None:
            self._add(f"projects/p/secrets/{name}", stored, value.encode())
        return stored

    def count(self, method: str) -> int:
        return self.calls.count(method)

    def enabled(self, stored: Stored) -> list[int]:
        return [number for number, version in stored.versions.items() if version.state == ENABLED]

    # --- the methods ---

    def _handler(self, name, method):
        def handle(request, context):
            self.calls.append(name)
            self._stopping.wait(self.latency)
            if self.down:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the service is unavailable")
            if name in self.denied:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, f"permission for {name} denied")
            with self._lock:
                reply = method(request, context)
            if name in self.lost:
                self.lost.discard(name)
                context.abort(grpc.StatusCode.UNAVAILABLE, "the connection was lost")
            return reply

        return handle

    def _secret(self, resource, context) -> Stored:
        parent = resource.split("/versions/")[0]
        if parent not in self.secrets:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{parent}] not found.")
        return self.secrets[parent]

    def _version(self, resource, context) -> tuple[Stored, int]:
        stored = self._secret(resource, context)
        asked = resource.rsplit("/", 1)[1]
        number = max(stored.versions, default=0) if asked == "latest" else int(asked)
        if number not in stored.versions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret Version [{resource}] not found.")
        return stored, number

    def _expect(self, asked: str, etag: str, context) -> None:
        if asked and asked != etag:
            self.conflicts += 1
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The etag is not the stored one.")

    def _add(self, resource: str, stored: Stored, payload: bytes) -> resources.SecretVersion:
        number = max(stored.versions, default=0) + 1
        stored.payloads[number] = payload
        self.payloads.append(payload)
        stored.versions[number] = resources.SecretVersion(
            name=f"{resource}/versions/{number}",
            state=ENABLED,
            etag=next(self._etags),
            create_time=dt.datetime.now(dt.UTC),
        )
        return stored.versions[number]

    def get_secret(self, request, context):
        stored = self._secret(request.name, context)
        return resources.Secret(name=request.name, annotations=stored.annotations, etag=stored.etag)

    def update_secret(self, request, context):
        stored = self._secret(request.secret.name, context)
        self._expect(request.secret.etag, stored.etag, context)
        if list(request.update_mask.paths) != ["annotations"]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this fake updates annotations only")
        stored.annotations = dict(request.secret.annotations)
        self.written += [*stored.annotations, *stored.annotations.values()]
        stored.etag = next(self._etags)
        return resources.Secret(name=request.secret.name, annotations=stored.annotations, etag=stored.etag)

    def add_secret_version(self, request, context):
        return self._add(request.parent, self._secret(request.parent, context), request.payload.data)

    def access_secret_version(self, request, context):
        stored, number = self._version(request.name, context)
        version = stored.versions[number]
        if version.state != ENABLED:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION, f"Secret Version [{version.name}] is in DESTROYED state."
            )
        return service.AccessSecretVersionResponse(name=version.name, payload={"data": stored.payloads[number]})

    def list_secret_versions(self, request, context):
        stored = self._secret(request.parent, context)
        shown = stored.versions.values()
        if request.filter == "state:ENABLED":
            shown = [version for version in shown if version.state == ENABLED]
        elif request.filter:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this fake knows one filter")
        return service.ListSecretVersionsResponse(versions=list(shown))

    def destroy_secret_version(self, request, context):
        stored, number = self._version(request.name, context)
        version = stored.versions[number]
        self._expect(request.etag, version.etag, context)
        if version.state == DESTROYED:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it is destroyed")
        version.state, version.etag = DESTROYED, next(self._etags)
        stored.payloads.pop(number)
        return version
