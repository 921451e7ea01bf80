"""Writes test/vectors/frames.json and trajectory.json from PROTOCOL.md, sharing no code with the SDK or the firmware.

python3 test/firmware/make_vectors.py [DIRECTORY]    (default: test/vectors)
"""

import json
import sys
from pathlib import Path

from frame_vectors import frames_document
from trajectory_vectors import trajectory_document


def dump(value: object, indent: str = "") -> str:
    """JSON with what fits into a line on one line."""
    is_row = isinstance(value, list) and all(isinstance(item, int) for item in value)
    flat = json.dumps(value, separators=(",", ":") if is_row else None)
    if len(indent) + len(flat) <= 110 or not isinstance(value, dict | list):
        return flat
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {dump(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + item for item in items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + dump(item, inner) for item in value) + f"\n{indent}]"


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    documents = {"frames.json": frames_document(), "trajectory.json": trajectory_document()}
    for name, document in documents.items():
        (directory / name).write_text(dump(document) + "\n", encoding="ascii")


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "vectors"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
