"""deploy_all.sh as a person runs it, with a stand-in for gcloud; gcloud's own parser; and what is uploaded, served."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_stack.processes import ROOT, ServerProcess

STAND_IN = Path(__file__).with_name("gcloud_stand_in.py")
PROJECT = "demo"
# What deploy_all.sh needs of the project.
PARTS = ("deploy_all.sh", "deploy", "shared", "sql", "restaurants.toml", "local_stack/setup.sh")

Json = dict[str, Any]


class Run:
    """What came of one run of the script."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def succeeded(self) -> Run:
        assert self.status == 0, self.out[-3000:] + self.err
        return self

    def stopped(self, *words: str) -> Run:
        """Itself, after making sure that it stopped with a message that says these words, and no bash error."""
        assert self.status == 1, self.out[-3000:] + self.err
        assert "deploy_all.sh: line" not in self.err
        missing = [word for word in words if word not in self.err]
        assert not missing, f"{missing} not in {self.err!r}"
        return self


class Installation:
    """A copy of the project, and the Google Cloud that it is deployed to."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder / "project"
        self.cloud = folder / "cloud"
        self.cloud.mkdir(parents=True)
        for part in PARTS:
            target = self.folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / part, target)
        for name, program in (("python", sys.executable), ("bash", shutil.which("bash") or "/bin/bash")):
            link = self.folder / ".venv" / "bin" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            # A link to the interpreter would make it forget its environment.
            link.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n', encoding="utf-8")
            link.chmod(0o755)
        programs = folder / "programs"
        programs.mkdir()
        gcloud = programs / "gcloud"
        gcloud.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{STAND_IN}" "$@"\n', encoding="utf-8")
        gcloud.chmod(0o755)
        self.environment = {
            **os.environ,
            **environment,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "GCLOUD_STAND_IN": str(self.cloud),
            "DEPLOY_PAUSE": "0",
            "TMPDIR": str(folder),
        }

    def run(self, *options: str, stdin: int | None = subprocess.DEVNULL, **environment: str) -> Run:
        """Run deploy_all.sh for the project demo."""
        command = ["bash", str(self.folder / "deploy_all.sh"), "--project", PROJECT, *options]
        return Run(
            subprocess.run(
                command,
                cwd=self.folder.parent,
                env=self.environment | environment,
                stdin=stdin,
                capture_output=True,
                text=True,
                timeout=120,
            )
        )

    @property
    def state(self) -> Json:
        """What the stand-in keeps: every resource by kind and name, who may do what, every call."""
        file = self.cloud / "state.json"
        return json.loads(file.read_text(encoding="utf-8") or "{}") if file.exists() else {}

    def change(self, **parts: Any) -> None:
        """Change what the stand-in keeps."""
        (self.cloud / "state.json").write_text(json.dumps(self.state | parts), encoding="utf-8")

    def fail(self, match: str, says: str, times: int = 1) -> None:
        """Let calls whose words match fail, so many times."""
        self.change(failures=[{"match": match, "says": f"ERROR: {says}", "left": times}])

    def calls(self) -> list[list[str]]:
        """The calls of gcloud since the last time that this was asked."""
        calls: list[list[str]] = self.state.get("calls", [])
        self.change(calls=[])
        return calls


@contextmanager
def permission_service(lacking: Sequence[str] = ()) -> Iterator[str]:
    """A local testIamPermissions: who asks has every permission but these. Its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["permissions"]
            assert self.headers["Authorization"] == "Bearer not-a-real-token"
            known = self.path == f"/v1/projects/{PROJECT}:testIamPermissions"
            self.send_response(200 if known else 403)
            self.end_headers()
            self.wfile.write(json.dumps({"permissions": [one for one in asked if one not in lacking]}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


# --- gcloud's own parser ------------------------------------------------------------------------------

# Run in gcloud's own Python, with what to do on standard input. The first parses command lines as gcloud does before it
# looks for credentials, the second prints resources as gcloud does.
_BEGIN = """
import contextlib, io, json, sys
sys.path[:0] = [sys.argv[1] + "/lib", sys.argv[1] + "/lib/third_party"]
asked = json.load(sys.stdin)
"""
_PARSE = """
from googlecloudsdk import gcloud_main
parser = gcloud_main.CreateCLI([])._CLI__parser
answer = []
for command in asked:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser.parse_args(command)
    except (SystemExit, Exception) as error:
        answer.append(" ".join(command) + "\\n" + said.getvalue() + str(error))
print(json.dumps(answer))
"""
_PRINT = """
from googlecloudsdk.core.resource import resource_printer
answer = []
for resources, form in asked:
    said = io.StringIO()
    resource_printer.Print(resources, form, out=said)
    answer.append(said.getvalue())
print(json.dumps(answer))
"""


def complaints_of_gcloud(commands: Sequence[Sequence[str]], folder: Path) -> list[str]:
    """What gcloud's parser has against these command lines. Skips the test where there is no gcloud.

    ``folder`` is where files that they name are looked for.
    """
    return _in_gcloud(_PARSE, [list(command) for command in commands], folder)


def printed_by_gcloud(asked: Sequence[tuple[list[Json], str]], folder: Path) -> list[str]:
    """What gcloud prints of resources with a --format, for each pair. Skips the test where there is no gcloud."""
    return _in_gcloud(_PRINT, [list(pair) for pair in asked], folder)


def _in_gcloud(program: str, asked: Any, folder: Path) -> list[str]:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip("gcloud is not installed")
    where = [gcloud, "info", "--format=value(basic.python_location,installation.sdk_root)"]
    python, root = subprocess.run(where, capture_output=True, text=True, check=True).stdout.split()
    command = [python, "-c", _BEGIN + program, root]
    done = subprocess.run(command, input=json.dumps(asked), cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answer: list[str] = json.loads(done.stdout)
    return answer


# --- what is uploaded ---------------------------------------------------------------------------------


def uploaded() -> set[str]:
    """The files of the project that are uploaded, by git's reading of .gcloudignore, which has git's syntax."""

    def files(*options: str) -> set[str]:
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return {name for name in done.stdout.split("\0") if name and (ROOT / name).exists()}

    ignored = set()
    for kind in ("--cached", "--others"):
        command = ["git", "ls-files", "-z", kind, "--ignored", "--exclude-from=.gcloudignore"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        ignored |= set(done.stdout.split("\0"))
    return files() - ignored


def copy_of_the_upload(folder: Path) -> Path:
    """A folder with what is uploaded, and nothing else."""
    for name in uploaded():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    return folder


@contextmanager
def served(
    python: Sequence[str], target: str, source: Path, folder: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    """A function as functions-framework serves it with that Python, from a folder of source; its URL."""
    framework = ["-m", "functions_framework", "--target", target, "--source", str(source / "main.py")]
    server = ServerProcess(
        target,
        lambda port: [*python, *framework, "--host", "127.0.0.1", "--port", str(port)],
        ready=r"Listening at: (http://\S+)",
        log_path=folder / f"{target}.log",
        environment={"XDG_RUNTIME_DIR": str(folder), "GUNICORN_LOG_LEVEL": "info", **environment},
        cwd=source,
        grace_seconds=1.0,
    )
    with server:
        yield server.url
