"""What plans chunks of actions: a runner of this process, or a policy server (`models/SERVING.md`)."""

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import websockets.exceptions
import websockets.sync.client

from .errors import OmpModelsError
from .msgpack_numpy import packb, unpackb
from .policy import Policy, load_policy
from .random_stream import RandomStream
from .runner import Inputs, OnnxRunner, Runner, TorchRunner

NOISE_SEED_MASK = 0x9E3779B9
"""The noise of an episode must not repeat the numbers that placed its objects."""

POLICY_FILES = {"torch": "checkpoint.safetensors", "fp32": "policy.fp32.onnx", "int8": "policy.int8.onnx"}
"""File of a bundle by what runs it."""


class Timing(Protocol):
    """When observations are made and which rows of a chunk are executed; a `PolicyConfig` is one."""

    n_obs_steps: int
    horizon: int
    n_action_steps: int
    lead_steps: int
    dt_ms: float

    @property
    def action_start_index(self) -> int:
        """Row of a chunk that is the action for the newest observed step."""


class Pilot(Protocol):
    """Plans the chunks of one episode after the other."""

    timing: Timing
    observation_keys: list[str]
    action_dim: int
    inference_ms: list[float]
    """Time of every network evaluation."""
    round_trip_ms: list[float]
    """Time from an observation to its chunk, where they travel."""

    def begin(self, seed: int) -> None:
        """Starts an episode: the noise is that of `seed`."""

    def plan(self, observation: Inputs) -> np.ndarray:
        """A chunk [H, A] for every key as [To, *shape], the last observed steps, oldest first."""


class LocalPilot:
    """A runner with the noise that the robot runtime draws for the same seed."""

    def __init__(self, runner: Runner, timing: Timing, observation_keys: list[str], action_dim: int) -> None:
        self.timing = timing
        self.observation_keys = observation_keys
        self.action_dim = action_dim
        self.inference_ms: list[float] = []
        self.round_trip_ms: list[float] = []
        self._runner = runner
        self.begin(0)

    def begin(self, seed: int) -> None:
        """See `Pilot`."""
        self._noise = RandomStream(seed ^ NOISE_SEED_MASK)

    def plan(self, observation: Inputs) -> np.ndarray:
        """See `Pilot`."""
        shape = (1, self.timing.horizon, self.action_dim)
        noise = self._noise.normal(shape[1] * shape[2]).reshape(shape)
        started = time.perf_counter()
        chunk = self._runner.infer({**{key: value[None] for key, value in observation.items()}, "noise": noise})[0]
        self.inference_ms.append(1000 * (time.perf_counter() - started))
        return chunk


@dataclass(frozen=True)
class RemoteTiming:
    """The timing that a server tells in its metadata."""

    n_obs_steps: int
    horizon: int
    n_action_steps: int
    action_start_index: int
    lead_steps: int
    dt_ms: float


class RemotePilot:
    """A policy server. Context manager; raises SERVER_FAILED with the server's own words."""

    def __init__(self, url: str) -> None:
        try:
            self._socket = websockets.sync.client.connect(url, compression=None, max_size=None)
            metadata = self._receive()
        except (OSError, websockets.exceptions.WebSocketException) as error:
            raise OmpModelsError("SERVER_FAILED", f"{url}: {error}") from error
        self.timing: Timing = RemoteTiming(**metadata["policy"])
        self._client_keys = {one["policy_key"]: one["key"] for one in metadata["observations"]}
        self.observation_keys = list(self._client_keys)
        self.action_dim = len(metadata["action"]["names"])
        self.inference_ms: list[float] = []
        self.round_trip_ms: list[float] = []
        self._reset: dict[str, bool | int] = {}

    def begin(self, seed: int) -> None:
        """See `Pilot`."""
        self._reset = {"reset": True, "seed": seed}

    def plan(self, observation: Inputs) -> np.ndarray:
        """See `Pilot`. The server does not send rows of the observed past, which nobody executes: here NaN."""
        message = packb({**{self._client_keys[key]: value for key, value in observation.items()}, **self._reset})
        self._reset = {}
        started = time.perf_counter()
        try:
            self._socket.send(message)
            answer = self._receive()
        except websockets.exceptions.WebSocketException as error:
            raise OmpModelsError("SERVER_FAILED", f"the policy server left: {error}") from error
        self.round_trip_ms.append(1000 * (time.perf_counter() - started))
        self.inference_ms.append(answer["server_timing"]["infer_ms"])
        chunk = np.full((self.timing.horizon, self.action_dim), np.nan, np.float32)
        chunk[self.timing.action_start_index :] = answer["actions"]
        return chunk

    def close(self) -> None:
        """Leaves the server."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self) -> dict:
        frame = self._socket.recv()
        if isinstance(frame, str):
            raise OmpModelsError("SERVER_FAILED", f"the policy server refused: {frame}")
        return unpackb(frame)


def local_pilot(policy: Policy, runner: Runner | None = None) -> LocalPilot:
    """Runs `policy` in PyTorch, or in the `runner` of its graph."""
    config = policy.config
    return LocalPilot(runner or TorchRunner(policy), config, list(config.observation_shapes), config.action_dim)


def open_pilot(folder: Path, name: str) -> LocalPilot:
    """Runs torch, fp32 or int8 of a bundle. Raises BUNDLE_INVALID when its file is missing."""
    policy = load_policy(_existing(folder / POLICY_FILES["torch"]))
    return local_pilot(policy, None if name == "torch" else OnnxRunner(_existing(folder / POLICY_FILES[name])))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise OmpModelsError("BUNDLE_INVALID", f"{path} does not exist; `python -m omp_models export` writes a bundle")
    return path
