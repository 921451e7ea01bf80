"""Contents of test/vectors/frames.json: messages, byte streams to decode, a conversation with the controller."""

import zlib

from wire_reference import (
    SESSIONLESS,
    TYPES,
    cobs,
    limits_crc,
    params_block,
    params_crc,
    payload_of,
    schema_hash,
    wire_of,
)

SESSION_ID = 0x1A2B3C4D
OTHER_SESSION_ID = 0x5E6F7081


def so101_joints() -> list[dict]:
    """The reference controller's joints, in wire units."""
    limits = [
        ("shoulder_pan", -1920000, 1920000),
        ("shoulder_lift", -1745000, 1745000),
        ("elbow_flex", -1690000, 1690000),
        ("wrist_flex", -1658000, 1658000),
        ("wrist_roll", -2740000, 2840000),
        ("gripper", -175000, 1745000),
    ]
    return [
        {
            "joint": i,
            "kind": 0,
            "fail_action": 0,
            "max_temperature": 0,
            "min_position": low,
            "max_position": high,
            "max_velocity": 3000000,
            "max_acceleration": 20000000,
            "max_effort": 0,
            "following_error": 0 if name == "gripper" else 600000,
            "name": name,
        }
        for i, (name, low, high) in enumerate(limits)
    ]


JOINTS = so101_joints()
SCHEMA_HASH = schema_hash(JOINTS)
LIMITS_CRC = limits_crc(JOINTS)
PARAMS_CRC = params_crc(JOINTS)
SEED = SCHEMA_HASH ^ SESSION_ID


def message(name: str, seq: int, seed: int = SEED, /, **fields) -> dict:
    """One frame: its fields, what its checksum starts from, its payload and its bytes on the wire."""
    crc_seed = 0 if name in SESSIONLESS else seed
    payload = payload_of(name, fields)
    return {
        "message": name,
        "type": TYPES[name],
        "way": "host" if TYPES[name] < 0x80 else "controller",
        "seq": seq,
        "crc_seed": crc_seed,
        "fields": fields,
        "payload": payload.hex(),
        "wire": wire_of(TYPES[name], seq, payload, crc_seed).hex(),
    }


def messages() -> list[dict]:
    """What the conversation does not reach: extreme values, eight joints, the longest payload."""
    extremes = [-(2**31), 2**31 - 1, -1, 0, 1, 256, -256, 65536]
    return [
        message("HELLO", 255, major=1, minor=0, session_id=0xFFFFFFFF, features=0),
        message("HELLO", 254, major=1, minor=0, session_id=1, features=1),
        message("DESCRIBE", 0, joint=7),
        message("SYNC", 1, echo=0),
        message("ENABLE", 2, joint_mask=0xFF, lease_ms=1000, limits_crc=0xFFFFFFFF),
        message(
            "TRAJ",
            3,
            chunk_id=65535,
            part_index=15,
            part_count=16,
            t0=0xFFFFFFFF,
            dt=1000,
            n=1,
            joint_mask=0xFF,
            rows=[extremes],
        ),
        message(
            "TRAJ",
            4,
            chunk_id=1,
            part_index=0,
            part_count=1,
            t0=0x01010101,
            dt=257,
            n=59,
            joint_mask=1,
            rows=[[0x01010101 + row] for row in range(59)],
        ),
        message("CLEAR_FAULT", 5, fault=0xE5, fault_nonce=65535),
        message("SUBSCRIBE", 6, period_ticks=65535),
        message("ESTOP", 7),
        message("PARAM_GET", 8, param=0xFF, joint=0xFF),
        message("PARAM_SET", 9, param=0x12, joint=0xFF, value=0xFFFFFFFF),
        message("EVENT_ACK", 10, event_id=0xFFFF),
        message(
            "IDENT",
            8,
            major=255,
            minor=254,
            joint_count=8,
            reset_cause=3,
            tick_hz=1000,
            ring_depth=65535,
            fw_version=0x00010203,
            schema_hash=0xFFFFFFFF,
            limits_crc=0x80000000,
            boot_id=0,
            session_id=1,
            uid=[0, 0xFFFFFFFF, 0x80000001],
            min_lead_ticks=1,
            max_lead_ticks=65535,
            params_crc=0x80000001,
        ),
        message(
            "DESCRIPTION",
            9,
            joint=7,
            kind=1,
            fail_action=2,
            max_temperature=255,
            min_position=-(2**31),
            max_position=2**31 - 1,
            max_velocity=2**32 - 1,
            max_acceleration=2**32 - 1,
            max_effort=2**32 - 1,
            following_error=2**32 - 1,
            name="sixteen_letters_",
        ),
        message("SYNC_REPLY", 10, echo=0xFFFFFFFF, rx_tick=0xFFFFFFFF, rx_sub_us=999, tx_sub_us=12, tx_tick=0),
        message("ACK", 11, seq=255, type=0x0F, code=8, mode=3, free_waypoints=0, chunk_id=65535),
        message(
            "STATE",
            12,
            tick=0xFFFFFFFE,
            sub_us=999,
            last_seq=255,
            mode=3,
            fault=0xE5,
            joint_count=8,
            fault_nonce=65535,
            buffered=64,
            flags=0xFF03,
            lease_left_ms=1000,
            chunk_id=4660,
            joints=[
                {"position": value, "command": -1 - value, "velocity": velocity, "effort": -1 - velocity}
                for value, velocity in zip(extremes, [-32768, 32767, 0, 1, -1, 255, 256, -256], strict=True)
            ],
        ),
        message("PARAM", 13, param=0xFF, joint=0xFF, value=0xFFFFFFFF, params_crc=0x80000000, limits_crc=0x7FFFFFFF),
        message(
            "EVENT",
            14,
            event_id=0xFFFF,
            code=0xFF,
            joint=0xFF,
            tick=0xFFFFFFFF,
            value=-(2**31),
            detail=0xE5,
            lost=0xFFFF,
        ),
        message("EVENT", 15, event_id=1, code=5, joint=7, tick=0, value=2**31 - 1, detail=1, lost=0),
    ]


def frame(name: str, seq: int, payload: bytes = b"", seed: int = SEED) -> bytes:
    return wire_of(TYPES[name], seq, payload, 0 if name in SESSIONLESS else seed)


def stream(name: str, wire: bytes, frames: list[tuple[str, int, bytes]], **counters: int) -> dict:
    """A stream as received by a decoder of `SEED`, the frames in it and what the decoder counts."""
    return {
        "name": name,
        "wire": wire.hex(),
        "frames": [{"type": TYPES[kind], "seq": seq, "payload": payload.hex()} for kind, seq, payload in frames],
        "counters": {
            "frames": len(frames),
            "oversized": 0,
            "undersized": 0,
            "miscoded": 0,
            "crc_errors": 0,
            **counters,
        },
    }


def flipped(wire: bytes, at: int, bit: int) -> bytes:
    return wire[:at] + bytes([wire[at] ^ (1 << bit)]) + wire[at + 1 :]


def streams() -> list[dict]:
    sync = bytes.fromhex("11223344")
    good = frame("SYNC", 1, sync)
    next_frame = frame("HEARTBEAT", 2)
    after = ("HEARTBEAT", 2, b"")
    full = bytes(1 + i % 255 for i in range(248))
    longest = frame("TRAJ", 3, full)
    # An ESTOP whose checksum has the session's seed: wrong, it has none.
    seeded_estop = wire_of(TYPES["ESTOP"], 9, b"", SEED)
    return [
        stream("delimiters only", b"\0\0\0", []),
        stream("leading delimiter, two frames", b"\0" + good + next_frame, [("SYNC", 1, sync), after]),
        stream("empty frames between two", good + b"\0\0\0" + next_frame, [("SYNC", 1, sync), after]),
        stream("frame without its delimiter", good[:-1], []),
        stream("longest frame: 254 bytes of body, 255 encoded", longest + next_frame, [("TRAJ", 3, full), after]),
        stream("bit error in the payload", flipped(good, 5, 3) + next_frame, [after], crc_errors=1),
        stream("bit error in the sequence number", flipped(good, 2, 1) + next_frame, [after], crc_errors=1),
        stream("COBS block past the end", b"\x20" + good[1:] + next_frame, [after], miscoded=1),
        stream("too short: empty body", b"\x01\0" + next_frame, [after], undersized=1),
        stream(
            "too short: five bytes with a valid checksum",
            cobs(b"\x07" + zlib.crc32(b"\x07", SEED).to_bytes(4, "little")) + b"\0" + next_frame,
            [after],
            undersized=1,
        ),
        stream("too long: 255 bytes are judged", b"\x01" * 255 + b"\0" + next_frame, [after], crc_errors=1),
        stream("too long: 256 bytes are dropped", b"\x01" * 256 + b"\0" + next_frame, [after], oversized=1),
        stream("too long: 2000 bytes are one loss", b"\x55" * 2000 + b"\0" + next_frame, [after], oversized=1),
        stream(
            "cut frame swallows the next without a delimiter", longest[:40] + good + next_frame, [after], miscoded=1
        ),
        stream(
            "cut frame, leading delimiter saves the next",
            longest[:40] + b"\0" + good + next_frame,
            [("SYNC", 1, sync), after],
            miscoded=1,
        ),
        stream(
            "another session",
            frame("SYNC", 1, sync, SCHEMA_HASH ^ OTHER_SESSION_ID) + next_frame,
            [after],
            crc_errors=1,
        ),
        stream("another schema", frame("SYNC", 1, sync, 0x01234567 ^ SESSION_ID) + next_frame, [after], crc_errors=1),
        stream("no seed", frame("SYNC", 1, sync, 0) + next_frame, [after], crc_errors=1),
        stream("ESTOP works without a session's seed", frame("ESTOP", 9) + next_frame, [("ESTOP", 9, b""), after]),
        stream("ESTOP does not work with one", seeded_estop + next_frame, [after], crc_errors=1),
    ]


def frames_document() -> dict:
    from conversation_script import conversation

    return {
        "about": "Examples of firmware-bridge/PROTOCOL.md, made by test/firmware/make_vectors.py. "
        "Bytes are lower-case hex; `wire` ends with its delimiter and has no leading one.",
        "crc32_check": {"text": "123456789", "seed": 0, "crc": zlib.crc32(b"123456789", 0)},
        "joints": JOINTS,
        "schema_hash": SCHEMA_HASH,
        "limits_crc": LIMITS_CRC,
        "params_block": params_block(JOINTS).hex(),
        "session_id": SESSION_ID,
        "session_seed": SEED,
        "messages": messages(),
        "streams": streams(),
        "conversation": conversation(),
    }
