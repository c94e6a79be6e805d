"""An engine that says what a test has it say, when the test says so."""

import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec

from jmpose_core.engine.client import EngineClient
from jmpose_core.engine.protocol import Predict, Ready, Reply, Request


class ScriptedEngine(EngineClient):
    """In place of the process; requests are kept, replies are the test's."""

    def __init__(self, log_path: Path) -> None:
        super().__init__(lambda _reply: None, log_path=log_path)
        self.on_reply: Callable[[Reply], None]
        self.requests: list[Request] = []
        self.cancelled: list[int] = []
        self.looks: list[int] = []
        self._ids = itertools.count(1)
        self._alive = False

    @property
    def alive(self) -> bool:
        return self._alive

    def start(self) -> None:
        self._alive = True
        self.on_reply(Ready(device="cpu", weights=["scripted"]))

    def stop(self) -> None:
        self._alive = False

    def send(self, request: Request) -> int:
        request_id = next(self._ids)
        self.requests.append(msgspec.structs.replace(request, request_id=request_id))
        return request_id

    def cancel(self, request_id: int) -> None:
        self.cancelled.append(request_id)

    def say(self, reply: Reply) -> None:
        """Answer the newest prediction."""
        prediction = next(request for request in reversed(self.requests) if isinstance(request, Predict))
        self.on_reply(msgspec.structs.replace(reply, request_id=prediction.request_id))

    def look(self, request_id: int, visible_frame: int) -> None:
        self.looks.append(visible_frame)
