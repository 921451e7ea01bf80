"""Talks to a policy server as openpi's `WebsocketClientPolicy` does and writes what it saw as JSON to stdout.

Arguments: the server's URL, and a file of steps, each `{"send": ...}` (a map whose lists of numbers are sent as float64
arrays), `{"text": ...}`, `{"raw": hexadecimal}` or `{"reconnect": true}`. An API key is taken from OMP_API_KEY.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import websockets.exceptions
import websockets.sync.client

from omp_models.msgpack_numpy import packb, unpackb


def connect(url: str) -> websockets.sync.client.ClientConnection:
    """As openpi: no compression, no limit, the key in the Authorization header."""
    key = os.environ.get("OMP_API_KEY")
    headers = {"Authorization": f"Api-Key {key}"} if key else None
    return websockets.sync.client.connect(url, compression=None, max_size=None, additional_headers=headers)


def message(step: dict[str, Any]) -> bytes | str:
    """What a step puts on the wire."""
    if "raw" in step:
        return bytes.fromhex(step["raw"])
    if "text" in step:
        return step["text"]
    return packb({key: np.array(v) if isinstance(v, list) else v for key, v in step["send"].items()})


def plain(value: Any) -> Any:
    """Arrays as what JSON can say."""
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "shape": list(value.shape), "values": value.ravel().tolist()}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def main(url: str, steps: list[dict[str, Any]]) -> list[Any]:
    """The metadata of every connection and the answer to every step."""
    socket = connect(url)
    seen = [plain(unpackb(socket.recv()))]
    for step in steps:
        try:
            if "reconnect" in step:
                socket.close()
                socket = connect(url)
            else:
                socket.send(message(step))
            answer = socket.recv()
            seen.append({"error": answer} if isinstance(answer, str) else plain(unpackb(answer)))
            if isinstance(answer, str):
                socket.recv()
        except websockets.exceptions.ConnectionClosed as closed:
            seen.append({"closed": closed.rcvd.code if closed.rcvd else None})
    socket.close()
    return seen


if __name__ == "__main__":
    json.dump(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())), sys.stdout)
