"""Runs one command, and ends it when the process that asked for it is gone.

A child process outlives a parent that dies of `kill -9`: nobody is left to end it. So each server is started
through this guard, which holds the read end of a pipe (its standard input) whose write end only the parent
has. However the parent ends, the kernel closes the pipe, the guard sees the end of the file and ends the
command with everything that it started. This works the same on Linux and macOS, and closing the pipe is also
the ordinary way to stop the command: one path, used every time.

    python guard.py GRACE_SECONDS COMMAND [ARGUMENT ...]

Standard output carries one line, the command's process id; the command's own output goes to standard error.
SIGUSR1 kills the command at once, as `kill -9` would. The guard ends with the command's exit status.
It imports nothing of the project, so that it starts in a few hundredths of a second.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

COMMAND_NOT_STARTED = 127


def main(arguments: list[str]) -> int:
    """Run the command until it ends by itself or standard input closes; the result is its exit status."""
    grace_seconds, command = float(arguments[0]), arguments[1:]
    # Ctrl-C and SIGTERM are the parent's business: it closes the pipe when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        # restore_signals does not undo SIG_IGN; the command must get the usual handling back.
        child = subprocess.Popen(  # noqa: S603 - the command comes from local_stack.processes
            command, stdin=subprocess.DEVNULL, stdout=sys.stderr, process_group=0, preexec_fn=_default_signals
        )
    except OSError as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr, flush=True)
        return COMMAND_NOT_STARTED
    signal.signal(signal.SIGUSR1, lambda *_: _kill_group(child))
    threading.Thread(target=_end_with_the_parent, args=(child, grace_seconds), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more; the command is to be ended all the same
        os.write(sys.stdout.fileno(), f"{child.pid}\n".encode())
    status = child.wait()
    _kill_group(child)  # what the command started and left behind
    return status if status >= 0 else 128 - status


def _default_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_with_the_parent(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Wait for the pipe to close; ask the command to end, and insist after the grace time."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace_seconds)
        return
    _kill_group(child)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: PermissionError when all are zombies
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
