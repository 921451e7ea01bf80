"""A conversation with the reference controller: what the host sends at which tick, and every frame it gets back."""

from frame_vectors import JOINTS, LIMITS_CRC, OTHER_SESSION_ID, SCHEMA_HASH, SEED, SESSION_ID, message
from wire_reference import TYPES, wire_of

BOOT_ID = 0xB0071D00
# The uid the WebAssembly port reports.
UID = [0x6F6D7057, 0x61736D31, 1]
POSITION = [1000, -2000, 3000, -4000, 5000, -6000]
IDLE, HOLD, RUN, FAULT = range(4)
OK, LATE, LIMIT, FULL, MODE, SCHEMA, RANGE, MALFORMED, UNKNOWN, MISMATCH = range(10)
LEASE_MS = 100
ESTOP = 0xE5


class Conversation:
    """Numbers the frames both ways. The joints stand at `POSITION` throughout."""

    def __init__(self) -> None:
        self.steps: list[dict] = []
        self.host_seq = 0
        self.controller_seq = 0
        self.seed = SEED

    def send(self, tick: int, name: str, why: str, seq: int | None = None, /, **fields) -> dict:
        """A host frame, in sequence unless told otherwise, that arrives after the command of `tick`."""
        if seq is None:
            self.host_seq = (self.host_seq + 1) % 256
        frame = message(name, self.host_seq if seq is None else seq, self.seed, **fields)
        self.steps.append({"tick": tick, "why": why, **frame, "answers": []})
        return frame

    def send_raw(self, tick: int, kind: int, payload: bytes, why: str) -> dict:
        """A frame that no layout describes."""
        self.host_seq = (self.host_seq + 1) % 256
        wire = wire_of(kind, self.host_seq, payload, self.seed)
        frame = {"type": kind, "seq": self.host_seq, "payload": payload.hex(), "wire": wire.hex()}
        self.steps.append({"tick": tick, "why": why, "way": "host", **frame, "answers": []})
        return frame

    def answer(self, name: str, /, **fields) -> None:
        frame = message(name, self.controller_seq, self.seed, **fields)
        self.controller_seq = (self.controller_seq + 1) % 256
        self.steps[-1]["answers"].append(frame)

    def ack(self, frame: dict, code: int, mode: int, free_waypoints: int = 64, chunk_id: int = 0) -> None:
        self.answer(
            "ACK",
            seq=frame["seq"],
            type=frame["type"],
            code=code,
            mode=mode,
            free_waypoints=free_waypoints,
            chunk_id=chunk_id,
        )

    def hello(self, tick: int, session_id: int, why: str, major: int = 1, seq: int | None = None) -> None:
        is_new = major == 1 and SCHEMA_HASH ^ session_id != self.seed
        self.send(tick, "HELLO", why, seq, major=major, minor=0, session_id=session_id, features=0)
        if is_new or len(self.steps) == 1:
            self.seed = SCHEMA_HASH ^ session_id
            self.controller_seq = 0
            self.host_seq = self.steps[-1]["seq"]
        self.answer(
            "IDENT",
            major=1,
            minor=0,
            joint_count=len(JOINTS),
            reset_cause=1,
            tick_hz=1000,
            ring_depth=64,
            fw_version=0x00010000,
            schema_hash=SCHEMA_HASH,
            limits_crc=LIMITS_CRC,
            boot_id=BOOT_ID,
            session_id=self.seed ^ SCHEMA_HASH,
            uid=UID,
            min_lead_ticks=2,
            max_lead_ticks=2000,
        )

    def state(self, tick: int, mode: int, lease_left_ms: int, buffered: int = 0, chunk_id: int = 0) -> None:
        """The subscription's frame of `tick`, which comes before what arrives at it."""
        self.steps.append({"tick": tick, "why": "subscription", "answers": []})
        self.answer(
            "STATE",
            tick=tick,
            sub_us=0,
            last_seq=self.host_seq,
            mode=mode,
            fault=0,
            joint_count=len(JOINTS),
            fault_nonce=0,
            buffered=buffered,
            flags=0,
            lease_left_ms=lease_left_ms,
            chunk_id=chunk_id,
            joints=[{"position": p, "command": p, "velocity": 0, "effort": 0} for p in POSITION],
        )


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
    talk.ack(talk.send_raw(54, 0x0C, b"\1\2\3", "a reserved type"), UNKNOWN, RUN, 61)
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
    talk.hello(64, OTHER_SESSION_ID, "a new session counts from its HELLO", seq=200)
    talk.send(65, "SYNC", "the new session's seed", echo=3)
    talk.answer("SYNC_REPLY", echo=3, rx_tick=65, rx_sub_us=0, tx_sub_us=0, tx_tick=65)
    return {"boot_id": BOOT_ID, "start_tick": 0, "measured": POSITION, "steps": talk.steps}
