"""A real headless Chromium, driven through its debugging pipe: clicks, keys, screenshots, and what went wrong in it.

The protocol is Chrome's DevTools protocol, JSON messages that end with a zero byte on the descriptors 3 and 4.
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
_KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "PageDown": (34, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}


class Browser:
    """One page in one browser; a context manager. `errors` are what the page's scripts threw or reported."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 900) -> None:
        self._size = (width, height)
        self.errors: list[str] = []
        self._number = 0
        down_read, self._down = os.pipe()
        self._up, up_write = os.pipe()
        # They must be the descriptors 3 and 4 there, so they may not be one of these here.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (down_read, up_write)]
        program = shutil.which("chromium") or "chromium"
        script = f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", program, *_OPTIONS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=ends,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (down_read, up_write, *ends):
            os.close(end)
        self._pending = b""
        self._session: str | None = None

    def __enter__(self) -> Self:
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self.resize(*self._size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session = None
        with suppress(EOFError):  # it may be gone before it answers
            self._call("Browser.close")
        self._process.wait(30)
        os.close(self._down)
        os.close(self._up)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._down, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                found: dict[str, Any] = answer["result"]
                return found
            self._note(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            part = os.read(self._up, 1 << 20)
            if not part:
                raise EOFError
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            details = event["params"]["exceptionDetails"]
            self.errors.append(str(details.get("exception", {}).get("description", details["text"])))
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.errors.append(str(event["params"]["entry"]["text"]))

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window another size, in pixels."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, *, dark: bool) -> None:
        """Let the user prefer a dark or a light scheme."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=features)

    def open(self, page: Path | str, *, dark: bool = False) -> None:
        """Load a file (with a fragment, maybe) and wait until it is there and drawn."""
        self.prefer(dark=dark)
        url = page.as_uri() if isinstance(page, Path) else page
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=url)
        self.run("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value of a JavaScript expression, awaited."""
        answer = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the text of the first element that `selector` finds."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).textContent"))

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that `selector` finds."""
        found: list[str] = self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)")
        return found

    def click(self, selector: str) -> None:
        """Click into the middle of the first element that `selector` finds, as a mouse does."""
        box = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{box}.scrollIntoView({{block: 'center'}})")
        self.settle()
        x, y = self.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box}.getBoundingClientRect())")
        self.click_at(x, y)

    def click_at(self, x: float, y: float) -> None:
        """Click at a point of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def press(self, *keys: str) -> None:
        """Press keys one after the other: named ones, or letters and signs."""
        for key in keys:
            code, text = _KEYS.get(key, (ord(key[0].upper()), key))
            common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            self._call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
            self._call("Input.dispatchKeyEvent", type="keyUp", **common)
        self.settle()

    def type(self, text: str) -> None:
        """Type `text` into what has the focus."""
        self._call("Input.insertText", text=text)
        self.settle()

    def printed(self) -> bytes:
        """Print the page, with all that its scripts do before and after, and return the PDF."""
        return base64.b64decode(self._call("Page.printToPDF")["data"])

    def screenshot(self, path: Path, selector: str | None = None) -> None:
        """Write what is to be seen, or only the element that `selector` finds, to `path` as PNG."""
        clip = {}
        if selector is not None:
            box = self.run(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")
            clip = {"clip": {name: box[name] for name in ("x", "y", "width", "height")} | {"scale": 1}}
        answer = self._call("Page.captureScreenshot", format="png", **clip)
        path.write_bytes(base64.b64decode(answer["data"]))
