"""What somebody without the token can try, in bounded numbers and on this computer only."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time

NOBODY = 65534
# Runs as another user, with nothing but the standard library: asks for everything there is.
SNOOP = textwrap.dedent(
    """
    import functools, http.client, json, os, pathlib, ssl, sys
    port, routes, paths, secret, tls = json.loads(sys.argv[1])
    secret = secret[::-1]  # so that this program's own arguments do not hold it
    seen = {"answers": [], "read": [], "told": []}
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
               "Origin": f"http://127.0.0.1:{port}"}
    connection = http.client.HTTPConnection
    if tls:
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        connection = functools.partial(http.client.HTTPSConnection, context=trust)
    for route in 3 * routes:  # a slow computer cuts a stranger before the answer is there
        if route in [answered for answered, _, _ in seen["answers"]]:
            continue
        link = connection("127.0.0.1", port, timeout=30)
        try:
            link.request("GET", route, headers=upgrade if route.endswith("/ws") else {})
            answer = link.getresponse()
            seen["answers"].append([route, answer.status, answer.read().decode("latin-1")])
        except (OSError, http.client.HTTPException):
            pass
        link.close()
    for path in paths:
        try:
            seen["read"].append([path, len(pathlib.Path(path).read_bytes())])
        except OSError:
            pass
    for process in filter(str.isdecimal, os.listdir("/proc")):
        for name in ("cmdline", "environ", "comm", "status", "wchan"):
            try:  # a process may end while it is read
                if secret.encode() in pathlib.Path("/proc", process, name).read_bytes():
                    seen["told"].append(f"/proc/{process}/{name}")
            except OSError:
                pass
    print(json.dumps(seen))
    """
)


def another_user():
    """Return a Python that another user may run; None where there is none, or we are not root."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    for program in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _as_nobody([program, "-I", "-c", ""])
            return program
    return None


def snoop(program, port, routes, paths, secret, *, tls=False):
    """Return what another user of this computer gets to see."""
    told = json.dumps([port, routes, [str(path) for path in paths], secret[::-1], tls])
    return json.loads(_as_nobody([program, "-I", "-c", SNOOP, told]).stdout)


def _as_nobody(command):
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, cwd="/", env={},
        user=NOBODY, group=NOBODY, extra_groups=[],
    )  # fmt: skip


def idle(port, count, source="127.0.0.1"):
    """Return so many connections that say nothing; those refused are left out."""
    links = []
    for _ in range(count):
        with contextlib.suppress(OSError):
            links.append(socket.create_connection(("127.0.0.1", port), 20, (source, 0)))
    return links


def is_cut(link):
    """Return whether the other side has ended a connection."""
    link.settimeout(0.0)
    try:
        return link.recv(1) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True


def status(port, path="/", cookie=None, timeout_s=60.0):
    """Return the answer's status and how long it took."""
    begun = time.monotonic()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        link.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = link.getresponse()
        answer.read()
    finally:
        link.close()
    return answer.status, time.monotonic() - begun


class Busy:
    """Does something again and again in threads, until told to stop."""

    def __init__(self, work, threads=1, most=1000):
        self.done = 0
        self._end = threading.Event()
        self._most = most

        def run():
            while not self._end.is_set() and self.done < self._most:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    work()
                self.done += 1

        self._threads = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._end.set()
        for thread in self._threads:
            thread.join(60)
