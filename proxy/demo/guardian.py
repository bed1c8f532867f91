"""Runs one server and ends it when the process that started us is gone, however that process ended.

Owns: the server's process, and the removal of its throw-away folder. Must not know: anything of this package; it is
run by its path, alone. Invariant: the server does not outlive the pipe on our standard input.

``python guardian.py FOLDER UID GID COMMAND...``: UID -1 keeps our own account. The end of standard input asks the
server for a fast shutdown (SIGINT, manual 19.5), a server that ignores it is killed, and FOLDER is removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

PATIENCE = 20.0


def main(folder: Path, uid: int, gid: int, command: list[str]) -> int:
    """Run ``command`` until it ends by itself or standard input does; the exit code is the command's."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the end of standard input is the only order
    with (folder / "guardian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held as long as we live: a free lock marks a folder left behind
        if uid < 0:
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        else:
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, user=uid, group=gid, extra_groups=[])
        asked = threading.Event()
        threading.Thread(target=_end_with_input, args=(server, asked), daemon=True).start()
        code = server.wait()
        if asked.is_set():
            shutil.rmtree(folder, ignore_errors=True)
        return abs(code)


def _end_with_input(server: subprocess.Popen[bytes], asked: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    asked.set()
    server.send_signal(signal.SIGINT)
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
