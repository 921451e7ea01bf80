"""Prints test/vectors/*.json as the lines that core_test.c obeys; the commands are listed there."""

import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "test" / "firmware"))

from conversation import BOOT_ID, Conversation  # noqa: E402
from frame_vectors import LIMITS_CRC, SESSION_ID  # noqa: E402

ALL_JOINTS = 63


def read(name: str) -> dict:
    return json.loads((REPOSITORY / "test" / "vectors" / name).read_text())


def say(command: str, *values: object) -> None:
    print(command, *("-" if value == "" else value for value in values))


def say_joints(joints: list[dict]) -> None:
    limits = [
        "kind",
        "min_position",
        "max_position",
        "max_velocity",
        "max_acceleration",
        "fail_action",
        "max_temperature",
        "max_effort",
        "following_error",
    ]
    for joint in joints:
        say("joint", joint["name"], *(joint[limit] for limit in limits))


def frame_lines(document: dict) -> None:
    check = document["crc32_check"]
    say("case", "CRC-32/ISO-HDLC")
    say("crc32", check["text"].encode("ascii").hex(), check["seed"], check["crc"])
    say("case", "schema and limits")
    say_joints(document["joints"])
    say("schema", document["schema_hash"], document["limits_crc"])
    say("block", document["params_block"])
    steps = document["conversation"]["steps"]
    answers = [answer for step in steps for answer in step["answers"]]
    for message in [*document["messages"], *(step for step in steps if "message" in step), *answers]:
        say("case", message["message"], message["seq"])
        say("frame", message["type"], message["seq"], message["crc_seed"], message["payload"], message["wire"])
    for stream in document["streams"]:
        found = [
            bytes([frame["type"], frame["seq"], len(frame["payload"]) // 2]).hex() + frame["payload"]
            for frame in stream["frames"]
        ]
        counters = [
            stream["counters"][name] for name in ["frames", "oversized", "undersized", "miscoded", "crc_errors"]
        ]
        say("case", stream["name"])
        say("stream", document["session_seed"], stream["wire"], "".join(found), *counters)


def conversation_lines(conversation: dict) -> None:
    say("case", "conversation")
    say("boot", conversation["boot_id"], conversation["start_tick"])
    say("measured", *conversation["measured"])
    for step in conversation["steps"]:
        say("case", "conversation:", step["why"])
        say("run", step["tick"])
        say("receive", step.get("wire", ""))
        say("transmit", "".join(answer["wire"] for answer in step["answers"]))


def frames_of(talk: Conversation, event: dict, document: dict) -> None:
    """What the host sends for an event and the answer it gets."""
    kind, tick = event["kind"], event["now"]
    fields: dict = {}
    if kind == "new_session":
        talk.hello(tick, event["session_id"], kind)
        return
    if kind == "enable":
        fields = {"joint_mask": ALL_JOINTS, "lease_ms": document["lease_ms"], "limits_crc": LIMITS_CRC}
    elif kind == "traj":
        names = ["chunk_id", "part_index", "part_count", "t0", "dt", "rows"]
        fields = {"n": len(event["rows"]), "joint_mask": ALL_JOINTS, **{name: event[name] for name in names}}
    elif kind == "clear_fault":
        fields = {name: event[name] for name in ["fault", "fault_nonce"]}
    frame = talk.send(tick, kind.upper(), kind, **fields)
    if event["ack"] is not None:
        free = document["ring_depth"] - event["buffered"]
        talk.ack(frame, event["ack"], event["mode"], free, event.get("chunk_id", 0))


def event_lines(talk: Conversation, event: dict, document: dict) -> None:
    if event["kind"] == "measured":
        say("measured", *event["position"])
        return
    frames_of(talk, event, document)
    say("receive", talk.steps[-1]["wire"])
    say("transmit", "".join(answer["wire"] for answer in talk.steps[-1]["answers"]))
    say("mode", event["mode"])
    if event["kind"] == "enable":
        say("measured")


def scenario_lines(scenario: dict, document: dict) -> None:
    talk = Conversation()
    start = scenario["start_tick"]
    modes = [run["mode"] for run in scenario["modes"] for _ in range(run["ticks"])]
    say("boot", BOOT_ID, start)
    say("measured", *scenario["start_position"])
    for i, (mode, command) in enumerate(zip(modes, scenario["commands"], strict=True)):
        offset = i + 1
        say("case", f"tick {offset} of", scenario["name"])
        say("tick", *command)
        say("mode", mode)
        if offset == 1:
            say("measured")
            talk.hello(start, SESSION_ID, "hello")
            say("receive", talk.steps[-1]["wire"])
            say("transmit", talk.steps[-1]["answers"][0]["wire"])
        if offset % document["heartbeat_every_ticks"] == 0:
            say("receive", talk.send(start, "HEARTBEAT", "lease")["wire"])
        for event in scenario["events"]:
            if (event["now"] - start) % 2**32 == offset:
                event_lines(talk, event, document)


def main() -> None:
    frames = read("frames.json")
    trajectory = read("trajectory.json")
    frame_lines(frames)
    conversation_lines(frames["conversation"])
    for scenario in trajectory["scenarios"]:
        scenario_lines(scenario, trajectory)


if __name__ == "__main__":
    main()
