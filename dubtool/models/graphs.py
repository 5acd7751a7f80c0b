"""The ONNX graphs of one network: loaded on one device, and checked to belong together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.engine.session import Session
from dubtool.weights.locate import GRAPHS


class Graphs:
    """What runs once, per video or portrait, and what runs per batch of frames.

    files: in the order of `GRAPHS`, the frame's last; a network that has nothing to prepare is the frame's alone. The
    other arguments are `Session`'s. metadata: what the frame's graph says about the network. name: of its file. device:
    where all run.

    Raises:
        WeightsError: a file is no readable graph. DeviceError: the device is not usable.
    """

    def __init__(self, *files: Path, device: str = "auto", precision: str = "auto", threads: int | None = None) -> None:
        roles = GRAPHS[len(GRAPHS) - len(files) :]
        self._sessions = {
            role: Session(file, device, precision, threads, steady=role == "frame")
            for role, file in zip(roles, files, strict=True)
        }
        frame = self._sessions["frame"]
        self.metadata: dict[str, Any] = frame.metadata
        self.name, self.device = frame.name, str(frame.device)

    @property
    def network(self) -> str:
        """The network's name; empty where the file has none."""
        return str(self.metadata.get("network", ""))

    @property
    def roles(self) -> tuple[str, ...]:
        """Which of `GRAPHS` there are."""
        return tuple(self._sessions)

    def stranger(self) -> str | None:
        """Name of a file that is another network's, or another graph of it than its place says; None if all fit."""
        for role in ("frame", *self._sessions):
            session = self._sessions[role]
            told = session.metadata
            # A network of one graph need not say which it is.
            if (told.get("network", ""), told.get("graph", "frame")) != (self.network, role):
                return session.name
        return None

    def run(self, role: str, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run one graph for all that it gives. Raises as `Session.run`."""
        return self._sessions[role].run(feeds)

    def run_frames(
        self, feeds: Mapping[str, np.ndarray], constant: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """Run the frame's graph for a batch. feeds: [B, ...] each. constant: what is the same for all of the batch.

        A CPU takes one frame after another: a batch gains it 4 % and takes the memory of all its frames at once, and
        how many a batch has depends on what the video shows.
        """
        session, constant = self._sessions["frame"], dict(constant or {})
        count = len(next(iter(feeds.values())))
        if session.device.is_cuda or count == 1:
            return session.run({**feeds, **constant})
        alone = [
            session.run({name: value[place : place + 1] for name, value in feeds.items()} | constant)
            for place in range(count)
        ]
        return {name: np.concatenate([each[name] for each in alone]) for name in alone[0]}
