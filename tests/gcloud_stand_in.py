"""A stand-in for gcloud where there is no Google Cloud: it keeps what is created in a file, and writes down each call.

It is strict as Google is: what is there cannot be created again, what is not cannot be changed or removed, and a right
goes only to an account that exists. Run by deploy_all.sh as `gcloud`; the folder that it keeps its state in is
GCLOUD_STAND_IN. Nothing but the standard library is imported, and little of it: it runs a hundred times.
"""

import fcntl
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

FOLDER = os.environ["GCLOUD_STAND_IN"]
State = dict[str, Any]


class Refused(Exception):
    """What gcloud would write to standard error before it ends with status 1."""


class Call:
    """One command line: its words, and its flags by name."""

    def __init__(self, argv: list[str]) -> None:
        self.flags: dict[str, str] = {}
        self.words: list[str] = []
        for word in argv:
            if word.startswith("--"):
                name, _, value = word[2:].partition("=")
                self.flags[name] = value
            else:
                self.words.append(word)

    def after(self, *path: str) -> bool:
        return tuple(self.words[: len(path)]) == path


# --- things with a name: created, updated, listed, deleted ------------------------------------------

KINDS: dict[tuple[str, ...], str] = {
    ("iam", "service-accounts"): "accounts",
    ("iam", "roles"): "roles",
    ("secrets",): "secrets",
    ("functions",): "functions",
    ("tasks", "queues"): "queues",
    ("scheduler", "jobs"): "jobs",
    ("logging", "metrics"): "metrics",
    ("alpha", "monitoring", "policies"): "policies",
    ("beta", "monitoring", "channels"): "channels",
}


def on_kind(state: State, call: Call) -> str:
    for path, kind in KINDS.items():
        if call.after(*path):
            verb, *rest = call.words[len(path) :]
            things = state.setdefault(kind, {})
            if verb in ("create", "deploy", "update", "delete", "undelete", "list", "describe"):
                return VERBS[verb](state, kind, things, [word for word in rest if word != "http"], call)
    raise Refused(f"the stand-in does not know: {' '.join(call.words)}")


def create(state: State, kind: str, things: State, names: list[str], call: Call) -> str:
    name = named(kind, things, names, call)
    if name in things:
        raise Refused(f"ALREADY_EXISTS: {kind} {name} exists already")
    things[name] = {"flags": call.flags, "content": content(call)}
    if kind == "secrets":
        things[name]["label"] = call.flags.get("labels", "").partition("=")[2]
        things[name]["versions"] = 0
    return name


def named(kind: str, things: State, names: list[str], call: Call) -> str:
    """The name of something new: given, or for those that Google numbers, the next number."""
    project = call.flags["project"]
    if kind == "policies":
        return f"projects/{project}/alertPolicies/{len(things) + 1}"
    if kind == "channels":
        return f"projects/{project}/notificationChannels/{len(things) + 1}"
    return f"{names[0]}@{project}.iam.gserviceaccount.com" if kind == "accounts" else names[0]


def content(call: Call) -> str:
    """What stands in the file that the command names."""
    for flag in ("policy-from-file", "config-from-file"):
        if flag in call.flags:
            with open(call.flags[flag], encoding="utf-8") as file:
                return file.read()
    return ""


def deploy(state: State, kind: str, things: State, names: list[str], call: Call) -> str:
    (name,) = names
    account = call.flags["service-account"]
    for needed in (account, call.flags["build-service-account"].rpartition("/")[2]):
        if needed not in state.get("accounts", {}):
            raise Refused(f"Service account {needed} does not exist.")
    things[name] = {"flags": call.flags}
    service = state.setdefault("services", {}).setdefault(name.replace("_", "-"), {"revisions": [], "serving": ""})
    service["serving"] = f"{name.replace('_', '-')}-{len(service['revisions']) + 1:05d}-abc"
    service["revisions"].insert(0, service["serving"])
    return ""


def update(state: State, kind: str, things: State, names: list[str], call: Call) -> str:
    present(kind, things, names)
    things[names[0]].update(flags=call.flags, content=content(call))
    if "update-labels" in call.flags:
        things[names[0]]["label"] = call.flags["update-labels"].partition("=")[2]
    return ""


def delete(state: State, kind: str, things: State, names: list[str], call: Call) -> str:
    present(kind, things, names)
    if kind == "roles":  # a deleted role can be brought back, and keeps its name until then
        things[names[0]]["deleted"] = True
        return ""
    del things[names[0]]
    if kind == "functions":  # its service goes with it, and who may call it
        service = names[0].replace("_", "-")
        del state["services"][service]
        state["bindings"] = [binding for binding in state["bindings"] if not binding.startswith(f"{service} ")]
    return ""


def undelete(state: State, kind: str, things: State, names: list[str], call: Call) -> str:
    things[names[0]].pop("deleted")
    return ""


def present(kind: str, things: State, names: list[str]) -> None:
    if names[0] not in things or things[names[0]].get("deleted"):
        raise Refused(f"NOT_FOUND: {kind} {names[0]} not found")


def listing(state: State, kind: str, things: State, names: list[str], call: Call) -> str:
    lines = []
    for name, thing in things.items():
        title = thing["flags"].get("display-name", "")
        if kind == "policies":
            title = json.loads(thing["content"])["displayName"]
        flags = thing["flags"]
        told = flags.get("notification-channels", flags.get("set-notification-channels", ""))
        if kind == "policies" and "notificationChannels" in call.flags["format"]:
            lines.append(f"{name}\t{title}\t{told}")
        elif kind in ("policies", "channels"):
            lines.append(f"{name}\t{title}")
        elif kind == "secrets":
            lines.append(f"{name},{thing['label']}")
        elif kind == "roles" and "show-deleted" in call.flags:
            lines.append(f"{name},{'True' if thing.get('deleted') else ''}")
        elif not thing.get("deleted"):
            lines.append(name)
    return "\n".join(lines)


def describe(state: State, kind: str, things: State, names: list[str], call: Call) -> str:
    present(kind, things, names)
    return f"https://{names[0].replace('_', '-')}-x-uw.a.run.app"


VERBS: dict[str, Callable[[State, str, State, list[str], Call], str]] = {
    "create": create,
    "deploy": deploy,
    "update": update,
    "delete": delete,
    "undelete": undelete,
    "list": listing,
    "describe": describe,
}

# --- everything else ---------------------------------------------------------------------------------


def bind(state: State, call: Call) -> str:
    """Grant or revoke a right: on the project, a secret, or a service."""
    account = call.flags["member"].removeprefix("serviceAccount:")
    target = call.words[-1]
    if account not in state.get("accounts", {}):
        raise Refused(f"Service account {account} does not exist.")
    if call.after("secrets") and target not in state.get("secrets", {}):
        raise Refused(f"NOT_FOUND: secret {target}")
    binding = f"{target} {account} {call.flags['role']}"
    bindings = state.setdefault("bindings", [])
    if "remove-iam-policy-binding" in call.words:
        bindings.remove(binding)
    elif binding not in bindings:
        bindings.append(binding)
    return ""


def answer(state: State, call: Call) -> str:
    if call.after("auth", "list"):
        return str(state.get("account", "ana@example.com"))
    if call.after("auth", "print-access-token"):
        return "not-a-real-token"
    if call.after("services", "enable"):
        state["apis"] = call.words[2:]
        return ""
    if call.words[-2].endswith("-iam-policy-binding"):
        return bind(state, call)
    if call.after("secrets", "versions", "list"):
        return "1" if state["secrets"][call.words[3]]["versions"] else ""
    if call.after("run", "services", "describe"):
        return str(state["services"][call.words[3]]["serving"])
    if call.after("run", "revisions", "list"):
        revisions = state["services"][call.flags["service"]]["revisions"]
        return "\n".join(name.replace(" ", "\t") if " " in name else f"{name}\tTrue" for name in revisions)
    if call.after("run", "services", "update-traffic"):
        revision, _, share = call.flags["to-revisions"].partition("=")
        state["services"][call.words[3]]["serving"] = revision
        return share
    return on_kind(state, call)


@contextmanager
def locked_state() -> Iterator[State]:
    """The state, for this process alone; functions are deployed side by side."""
    with open(os.path.join(FOLDER, "state.json"), "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        state = json.loads(file.read() or "{}")
        try:
            yield state
        finally:
            file.seek(0)
            file.truncate()
            file.write(json.dumps(state))


def main() -> int:
    argv = sys.argv[1:]
    with locked_state() as state:
        state.setdefault("calls", []).append(argv)
        for failure in state.get("failures", []):
            if failure["left"] and re.search(failure["match"], " ".join(argv)):
                failure["left"] -= 1
                print(failure["says"], file=sys.stderr)
                return 1
        try:
            print(answer(state, Call(argv)))
        except Refused as refused:
            print(f"ERROR: (gcloud.{'.'.join(argv[:2])}) {refused}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
