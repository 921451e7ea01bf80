"""Frames, payloads and parameter block of firmware-bridge/PROTOCOL.md sections 1 to 4 and 8, from that page alone."""

import struct
import zlib

TYPES = {
    "HELLO": 0x01,
    "DESCRIBE": 0x02,
    "SYNC": 0x03,
    "ENABLE": 0x04,
    "DISABLE": 0x05,
    "TRAJ": 0x06,
    "HEARTBEAT": 0x07,
    "ESTOP": 0x08,
    "HOLD": 0x09,
    "CLEAR_FAULT": 0x0A,
    "SUBSCRIBE": 0x0B,
    "PARAM_GET": 0x0C,
    "PARAM_SET": 0x0D,
    "EVENT_ACK": 0x0E,
    "IDENT": 0x81,
    "DESCRIPTION": 0x82,
    "SYNC_REPLY": 0x83,
    "ACK": 0x84,
    "STATE": 0x85,
    "PARAM": 0x86,
    "EVENT": 0x87,
}
SESSIONLESS = {"HELLO", "IDENT", "ESTOP"}
MAX_PAYLOAD = 248
MAX_ENCODED = 255

# Scalar fields in wire order. `_` marks a reserved field, sent as 0.
LAYOUTS = {
    "HELLO": [("major", "B"), ("minor", "B"), ("_", "H"), ("session_id", "I"), ("features", "I")],
    "DESCRIBE": [("joint", "B")],
    "SYNC": [("echo", "I")],
    "ENABLE": [("joint_mask", "B"), ("_", "B"), ("lease_ms", "H"), ("limits_crc", "I")],
    "DISABLE": [],
    "TRAJ": [
        ("chunk_id", "H"),
        ("part_index", "B"),
        ("part_count", "B"),
        ("t0", "I"),
        ("dt", "H"),
        ("n", "B"),
        ("joint_mask", "B"),
    ],
    "HEARTBEAT": [],
    "ESTOP": [],
    "HOLD": [],
    "CLEAR_FAULT": [("fault", "B"), ("_", "B"), ("fault_nonce", "H")],
    "SUBSCRIBE": [("period_ticks", "H"), ("_", "H")],
    "PARAM_GET": [("param", "B"), ("joint", "B"), ("_", "H")],
    "PARAM_SET": [("param", "B"), ("joint", "B"), ("_", "H"), ("value", "I")],
    "EVENT_ACK": [("event_id", "H"), ("_", "H")],
    "IDENT": [
        ("major", "B"),
        ("minor", "B"),
        ("joint_count", "B"),
        ("reset_cause", "B"),
        ("tick_hz", "H"),
        ("ring_depth", "H"),
        ("fw_version", "I"),
        ("schema_hash", "I"),
        ("limits_crc", "I"),
        ("boot_id", "I"),
        ("session_id", "I"),
        ("uid", "3I"),
        ("min_lead_ticks", "H"),
        ("max_lead_ticks", "H"),
        ("params_crc", "I"),
    ],
    "DESCRIPTION": [
        ("joint", "B"),
        ("kind", "B"),
        ("fail_action", "B"),
        ("max_temperature", "B"),
        ("min_position", "i"),
        ("max_position", "i"),
        ("max_velocity", "I"),
        ("max_acceleration", "I"),
        ("max_effort", "I"),
        ("following_error", "I"),
        ("name", "16s"),
    ],
    "SYNC_REPLY": [("echo", "I"), ("rx_tick", "I"), ("rx_sub_us", "H"), ("tx_sub_us", "H"), ("tx_tick", "I")],
    "ACK": [("seq", "B"), ("type", "B"), ("code", "B"), ("mode", "B"), ("free_waypoints", "H"), ("chunk_id", "H")],
    "STATE": [
        ("tick", "I"),
        ("sub_us", "H"),
        ("last_seq", "B"),
        ("mode", "B"),
        ("fault", "B"),
        ("joint_count", "B"),
        ("fault_nonce", "H"),
        ("buffered", "H"),
        ("flags", "H"),
        ("lease_left_ms", "H"),
        ("chunk_id", "H"),
    ],
    "PARAM": [("param", "B"), ("joint", "B"), ("_", "H"), ("value", "I"), ("params_crc", "I"), ("limits_crc", "I")],
    "EVENT": [
        ("event_id", "H"),
        ("code", "B"),
        ("joint", "B"),
        ("tick", "I"),
        ("value", "i"),
        ("detail", "B"),
        ("_", "B"),
        ("lost", "H"),
    ],
}


def payload_of(name: str, fields: dict) -> bytes:
    """The payload of one message; TRAJ ends in `rows`, STATE in `joints`."""
    payload = b""
    for field, code in LAYOUTS[name]:
        value = 0 if field == "_" else fields[field]
        if field == "name":
            value = value.encode("ascii")
        payload += struct.pack("<" + code, *value) if field == "uid" else struct.pack("<" + code, value)
    for row in fields.get("rows", []):
        payload += struct.pack(f"<{len(row)}i", *row)
    for joint in fields.get("joints", []):
        payload += struct.pack("<iihh", joint["position"], joint["command"], joint["velocity"], joint["effort"])
    return payload


def schema_hash(joints: list[dict]) -> int:
    kinds = ["revolute", "prismatic"]
    text = "omp-link 1\n" + "".join(f"{joint['name']}:{kinds[joint['kind']]}\n" for joint in joints)
    return zlib.crc32(text.encode("ascii"), 0)


def limits_crc(joints: list[dict]) -> int:
    crc = 0
    for joint in joints:
        crc = zlib.crc32(payload_of("DESCRIPTION", joint), crc)
    return crc


def params_block(joints: list[dict], underrun: int = 0, min_voltage: int = 0, max_voltage: int = 0) -> bytes:
    """What a controller keeps across resets, its CRC at the end."""
    block = struct.pack("<II", schema_hash(joints), 1)
    for joint in joints:
        limits = joint["max_effort"], joint["following_error"]
        block += struct.pack("<BBHII", joint["fail_action"], joint["max_temperature"], 0, *limits)
    block += struct.pack("<III", underrun, min_voltage, max_voltage)
    return block + struct.pack("<I", zlib.crc32(block, 0))


def params_crc(joints: list[dict], **controller: int) -> int:
    return struct.unpack("<I", params_block(joints, **controller)[-4:])[0]


def cobs(data: bytes) -> bytes:
    """Cheshire & Baker 1999: every run of non-zero bytes after its length + 1, in blocks of at most 254."""
    out = b""
    runs = data.split(b"\0")
    for i, run in enumerate(runs):
        has_full_block = len(run) >= 254
        while len(run) >= 254:
            out += b"\xff" + run[:254]
            run = run[254:]
        is_end = i == len(runs) - 1 and has_full_block and not run
        if not is_end:
            out += bytes([len(run) + 1]) + run
    return out


def body_of(kind: int, seq: int, payload: bytes, seed: int) -> bytes:
    head = bytes([kind, seq]) + payload
    return head + struct.pack("<I", zlib.crc32(head, seed))


def wire_of(kind: int, seq: int, payload: bytes, seed: int) -> bytes:
    """The frame and its delimiter, without a leading one."""
    return cobs(body_of(kind, seq, payload, seed)) + b"\0"
