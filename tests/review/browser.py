"""A headless Chromium, spoken to over a pipe (Chrome DevTools Protocol), with nothing but the standard library."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
_SECONDS = 90


class Page:
    """A page in the browser."""

    def __init__(self, sent: IO[bytes], told: IO[bytes]) -> None:
        self._sent, self._told, self._number, self._session = sent, told, 0, ""

    def open(self, address: str, width: int, height: int) -> None:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        self._call("Page.enable")
        self._call("Page.navigate", url=address)
        self.run("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))")

    def run(self, script: str) -> Any:
        """The value of a script's expression, waited for where it is a promise."""
        wanted = {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        told = self._call("Runtime.evaluate", **wanted)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def press(self, key: str, modifiers: int = 0) -> None:
        """A key, as a person presses it. modifiers: 8 is shift."""
        about = {"key": key, "modifiers": modifiers, **({"text": key} if len(key) == 1 else {})}
        self._call("Input.dispatchKeyEvent", type="keyDown", **about)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        asked |= {"sessionId": self._session} if self._session else {}
        self._sent.write(json.dumps(asked).encode() + b"\0")
        self._sent.flush()
        while True:
            heard = self._message()
            if heard.get("id") == self._number:
                assert "error" not in heard, heard
                return dict(heard["result"])

    def _message(self) -> dict[str, Any]:
        letters = bytearray()
        while (letter := self._told.read(1)) != b"\0":
            assert letter, "the browser has ended"
            letters += letter
        return dict(json.loads(letters))


@contextlib.contextmanager
def browsing(file: Path, width: int = 1280, height: int = 1000) -> Iterator[Page]:
    """A page of a file in a window of this size; there is no network. It ends after a while, whatever it does."""
    assert PROGRAM is not None
    to_browser, from_browser = os.pipe(), os.pipe()
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio", "--remote-debugging-pipe",
        f"--user-data-dir={file.parent / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
    ]  # fmt: skip
    # Its sockets lie among the temporary files, under names that must not be long.
    around = {name: value for name, value in os.environ.items() if name not in ("TMPDIR", "XDG_CACHE_HOME")}
    pipes = f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
    process = subprocess.Popen(
        ["bash", "-c", pipes, "bash", PROGRAM, *flags],
        pass_fds=(to_browser[0], from_browser[1]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=around,
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    ending = threading.Timer(_SECONDS, process.kill)
    ending.start()
    with os.fdopen(to_browser[1], "wb") as sent, os.fdopen(from_browser[0], "rb") as told:
        try:
            page = Page(sent, told)
            page.open(file.as_uri(), width, height)
            yield page
        finally:
            ending.cancel()
            process.kill()
            process.wait()
