"""What host and controller say in frames.json."""

from conversation import BOOT_ID, NO_JOINT, POSITION, Conversation
from frame_vectors import JOINTS, LIMITS_CRC, OTHER_SESSION_ID, PARAMS_CRC, SESSION_ID
from wire_reference import TYPES, limits_crc, params_crc, payload_of

IDLE, HOLD, RUN, FAULT = range(4)
OK, LATE, LIMIT, FULL, MODE, SCHEMA, RANGE, MALFORMED, UNKNOWN, MISMATCH = range(10)
RESET, FAULT_LATCHED, FAULT_CLEARED, RAN_OUT, LIMIT_BROKEN = range(1, 6)
RELEASE = 2
LEASE_MS = 100
ESTOP = 0xE5


def rows(count: int) -> list[list[int]]:
    """Stand still."""
    return [POSITION for _ in range(count)]


def trajectory(
    talk: Conversation, tick: int, why: str, code: int, mode: int, free: int, t0: int, n: int = 1, **more
) -> None:
    fields = {
        "chunk_id": 7,
        "part_index": 0,
        "part_count": 1,
        "dt": 20,
        "joint_mask": 63,
        "t0": t0,
        "n": n,
        "rows": rows(n),
        **more,
    }
    frame = talk.send(tick, "TRAJ", why, **fields)
    talk.ack(frame, code, mode, free, fields["chunk_id"])


def told(talk: Conversation) -> None:
    """Nobody has asked before; three events wait."""
    talk.event(65, "the reset, one tick after HELLO", event_id=1, code=RESET, tick=0, value=1)
    talk.send(65, "SYNC", "the new session's seed", echo=3)
    talk.answer("SYNC_REPLY", echo=3, rx_tick=65, rx_sub_us=0, tx_sub_us=0, tx_tick=65)
    talk.send(66, "EVENT_ACK", "not the oldest one: ignored", event_id=2)
    talk.send_raw(66, TYPES["EVENT_ACK"], b"\1\0\0", "EVENT_ACK of another length is ignored")
    talk.event(165, "again after 100 ticks", event_id=1, code=RESET, tick=0, value=1)
    talk.send(165, "EVENT_ACK", "now the next one can come", event_id=1)
    fault = {"event_id": 2, "code": FAULT_LATCHED, "tick": 60, "value": 0, "detail": ESTOP}
    talk.event(166, "the fault of the session before", **fault)
    talk.hello(167, OTHER_SESSION_ID, "the same session again is no reason to repeat", features=1)
    talk.event(266, "the fault again after 100 ticks", **fault)
    talk.send(267, "EVENT_ACK", "acknowledged", event_id=2)
    talk.send(267, "EVENT_ACK", "twice: the oldest one is another by now", event_id=2)
    talk.event(268, "the fault was cleared", event_id=3, code=FAULT_CLEARED, tick=62, value=1, detail=ESTOP)
    talk.send(268, "EVENT_ACK", "nothing is left", event_id=3)


def configured(talk: Conversation) -> None:
    """PARAM in IDLE, and what the limits CRC makes of it."""
    crcs = {"params_crc": PARAMS_CRC, "limits_crc": LIMITS_CRC}
    talk.send(400, "PARAM_GET", "the elbow's following error", param=2, joint=2)
    talk.answer("PARAM", param=2, joint=2, value=600000, **crcs)
    for why, key in [
        ("no such parameter", {"param": 5, "joint": 0}),
        ("no such joint", {"param": 1, "joint": 6}),
        ("a joint's parameter of the controller", {"param": 1, "joint": NO_JOINT}),
        ("the controller's parameter of a joint", {"param": 16, "joint": 0}),
    ]:
        talk.ack(talk.send(401, "PARAM_GET", why, **key), RANGE, IDLE)
        talk.ack(talk.send(401, "PARAM_SET", why, **key, value=0), RANGE, IDLE)
    talk.ack(talk.send_raw(401, TYPES["PARAM_GET"], b"\1", "PARAM_GET of another length"), MALFORMED, IDLE)
    talk.ack(talk.send_raw(401, TYPES["PARAM_SET"], b"\1\0\0\0", "PARAM_SET of another length"), MALFORMED, IDLE)
    for why, param, joint, value in [
        ("no such fail action", 1, 0, 3),
        ("a following error beyond 31 bits", 2, 0, 2**31),
        ("an effort beyond 31 bits", 3, 0, 2**31),
        ("hotter than a byte", 4, 0, 256),
        ("underrun is 0 or 1", 16, NO_JOINT, 2),
        ("a voltage beyond 31 bits", 17, NO_JOINT, 2**31),
    ]:
        talk.ack(talk.send(402, "PARAM_SET", why, param=param, joint=joint, value=value), RANGE, IDLE)
    joints = [dict(joint) for joint in JOINTS]
    joints[2]["fail_action"] = RELEASE
    limits = limits_crc(joints)
    talk.ack(talk.send(403, "PARAM_SET", "the elbow lets go in a fault", param=1, joint=2, value=RELEASE), OK, IDLE)
    talk.send(403, "PARAM_GET", "both CRCs have changed", param=1, joint=2)
    talk.answer("PARAM", param=1, joint=2, value=RELEASE, params_crc=params_crc(joints), limits_crc=limits)
    talk.send(403, "DESCRIBE", "the description says so", joint=2)
    talk.answer("DESCRIPTION", **joints[2])
    underrun = params_crc(joints, underrun=1)
    talk.ack(talk.send(404, "PARAM_SET", "a ring that runs out faults", param=16, joint=NO_JOINT, value=1), OK, IDLE)
    talk.send(404, "PARAM_GET", "no joint's limit: only the block's CRC has changed", param=16, joint=NO_JOINT)
    talk.answer("PARAM", param=16, joint=NO_JOINT, value=1, params_crc=underrun, limits_crc=limits)
    enable = {"joint_mask": 63, "lease_ms": LEASE_MS}
    talk.ack(talk.send(405, "ENABLE", "limits from before PARAM_SET", **enable, limits_crc=LIMITS_CRC), SCHEMA, IDLE)
    talk.ack(talk.send(405, "ENABLE", "arm", **enable, limits_crc=limits), OK, HOLD)
    talk.ack(talk.send(405, "PARAM_SET", "not while armed", param=1, joint=2, value=0), MODE, HOLD)
    talk.ack(talk.send(405, "SUBSCRIBE", "a STATE every tick", period_ticks=1), OK, HOLD)
    talk.state(406, HOLD, LEASE_MS - 1, chunk_id=8, fault_nonce=1)
    far = [[1920001, *POSITION[1:]]]
    trajectory(talk, 406, "a limit is broken", LIMIT, HOLD, 64, t0=500, rows=far)
    talk.event(407, "which joint, and how far", event_id=4, code=LIMIT_BROKEN, joint=0, tick=406, value=1920001)
    talk.state(407, HOLD, LEASE_MS - 2, chunk_id=8, fault_nonce=1)
    talk.send(407, "EVENT_ACK", "known", event_id=4)
    talk.send(407, "ESTOP", "the elbow is released", 0)
    talk.event(408, "the fault comes before its STATE", event_id=5, code=FAULT_LATCHED, tick=407, value=0, detail=ESTOP)
    talk.state(408, FAULT, LEASE_MS - 2, chunk_id=8, fault=ESTOP, fault_nonce=2, flags=1 << (8 + 2))


def conversation() -> dict:
    talk = Conversation()
    talk.host_seq = 250
    talk.hello(10, SESSION_ID, "a new session")
    for joint in JOINTS:
        talk.send(11, "DESCRIBE", "what the joint is", joint=joint["joint"])
        talk.answer("DESCRIPTION", **joint)
    talk.send(12, "DESCRIBE", "a joint that does not exist is not answered", joint=6)
    talk.send(13, "SYNC", "clock probe", echo=0xDEADBEEF)
    talk.answer("SYNC_REPLY", echo=0xDEADBEEF, rx_tick=13, rx_sub_us=0, tx_sub_us=0, tx_tick=13)
    trajectory(talk, 14, "no motion without ENABLE", MODE, IDLE, 64, t0=100)
    enable = {"joint_mask": 63, "lease_ms": LEASE_MS, "limits_crc": LIMITS_CRC}
    for why, code, changed in [
        ("one joint is missing", RANGE, {"joint_mask": 31}),
        ("a lease too short", RANGE, {"lease_ms": 19}),
        ("a lease too long", RANGE, {"lease_ms": 1001}),
        ("limits of another controller", SCHEMA, {"limits_crc": LIMITS_CRC ^ 1}),
    ]:
        talk.ack(talk.send(15, "ENABLE", why, **{**enable, **changed}), code, IDLE)
    talk.ack(talk.send(16, "HOLD", "nothing to hold"), MODE, IDLE)
    talk.ack(talk.send(20, "ENABLE", "arm", **enable), OK, HOLD)
    talk.ack(talk.send(20, "SUBSCRIBE", "a STATE every 10 ticks", period_ticks=10), OK, HOLD)
    talk.state(30, HOLD, LEASE_MS - 10)
    trajectory(talk, 35, "a chunk of one part", OK, RUN, 61, t0=60, n=3)
    talk.state(40, RUN, LEASE_MS - 5, buffered=3, chunk_id=7)
    talk.send(41, "HEARTBEAT", "renews the lease, is not answered")
    talk.state(50, RUN, LEASE_MS - 9, buffered=3, chunk_id=7)
    talk.ack(talk.send(51, "SUBSCRIBE", "no more", period_ticks=0), OK, RUN, 61)
    trajectory(talk, 52, "nearer than the shortest lead", LATE, RUN, 61, t0=53)
    trajectory(talk, 52, "part 1 of 2 is staged", OK, RUN, 61, t0=81, chunk_id=8, part_count=2)
    trajectory(
        talk,
        52,
        "part 2 of 2 commits: 60 stays, 80 is not before 81 - 10",
        OK,
        RUN,
        61,
        t0=81,
        chunk_id=8,
        part_index=1,
        part_count=2,
    )
    trajectory(talk, 53, "a part without its first one", RANGE, RUN, 61, t0=150, chunk_id=9, part_index=1, part_count=2)
    refused = {
        "chunk_id": 11,
        "part_index": 0,
        "part_count": 1,
        "t0": 81,
        "dt": 20,
        "n": 1,
        "joint_mask": 63,
        "rows": rows(1),
    }
    for why, changed in [
        ("one joint is missing", {"joint_mask": 31}),
        ("no waypoint", {"n": 0, "rows": []}),
        ("a row too many", None),
    ]:
        trajectory(talk, 53, "part 1 of 2 is staged", OK, RUN, 61, t0=81, chunk_id=10, part_count=2)
        if changed is None:
            payload = payload_of("TRAJ", {**refused, "rows": rows(2)})
            talk.ack(talk.send_raw(53, TYPES["TRAJ"], payload, why), MALFORMED, RUN, 61, 11)
        else:
            talk.ack(talk.send(53, "TRAJ", why, **{**refused, **changed}), RANGE, RUN, 61, 11)
        trajectory(
            talk,
            53,
            "a refused part drops what was staged",
            RANGE,
            RUN,
            61,
            t0=81,
            chunk_id=10,
            part_index=1,
            part_count=2,
        )
    talk.ack(talk.send_raw(54, 0x0F, b"\1\2\3", "a reserved type"), UNKNOWN, RUN, 61)
    talk.ack(talk.send_raw(54, TYPES["DISABLE"], b"\0", "DISABLE with a payload"), MALFORMED, RUN, 61)
    talk.send_raw(54, TYPES["SYNC"], b"\0" * 5, "SYNC of another length is ignored")
    talk.send_raw(54, TYPES["HEARTBEAT"], b"\0", "HEARTBEAT of another length is ignored")
    talk.send(55, "SYNC", "replayed: the last sequence number again", talk.host_seq, echo=1)
    talk.send(55, "SYNC", "replayed: 128 ahead is behind", (talk.host_seq + 128) % 256, echo=1)
    talk.host_seq = (talk.host_seq + 126) % 256
    talk.send(55, "SYNC", "127 ahead is taken: 126 frames were lost", echo=2)
    talk.answer("SYNC_REPLY", echo=2, rx_tick=55, rx_sub_us=0, tx_sub_us=0, tx_tick=55)
    talk.ack(talk.send(56, "HOLD", "drop every waypoint"), OK, HOLD)
    talk.hello(57, SESSION_ID, "the same session again changes nothing")
    talk.ack(talk.send(58, "DISABLE", "disarm"), OK, IDLE)
    talk.ack(talk.send(59, "CLEAR_FAULT", "there is no fault", fault=ESTOP, fault_nonce=1), MODE, IDLE)
    talk.send(60, "ESTOP", "outside the sequence, not answered", seq=0)
    talk.ack(talk.send(61, "ENABLE", "not in FAULT", **enable), MODE, FAULT)
    talk.ack(talk.send(61, "CLEAR_FAULT", "another fault", fault=1, fault_nonce=1), MISMATCH, FAULT)
    talk.ack(talk.send(61, "CLEAR_FAULT", "another nonce", fault=ESTOP, fault_nonce=2), MISMATCH, FAULT)
    talk.ack(talk.send(62, "CLEAR_FAULT", "as latched", fault=ESTOP, fault_nonce=1), OK, IDLE)
    talk.hello(63, OTHER_SESSION_ID, "another major version starts no session", major=2, seq=3)
    talk.hello(64, OTHER_SESSION_ID, "a new session counts from its HELLO and asks for events", seq=200, features=1)
    told(talk)
    configured(talk)
    return {"boot_id": BOOT_ID, "start_tick": 0, "measured": POSITION, "steps": talk.steps}
