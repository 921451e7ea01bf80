"""Prints test/vectors/servo-packets.json as the lines that servo_test.c obeys; the command is described there."""

import json
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def main() -> None:
    document = json.loads((REPOSITORY / "test" / "vectors" / "servo-packets.json").read_text())
    for packet in document["packets"]:
        params, wire = (packet[key].replace(" ", "").lower() or "-" for key in ["params", "packet"])
        code = packet["instruction" if packet["way"] == "host" else "error"]
        print("case", packet["family"], packet["name"])
        print("packet", packet["family"], packet["way"], packet["id"], code, params, wire)


if __name__ == "__main__":
    main()
