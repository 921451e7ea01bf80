"""A conversation with the reference controller: what the host sends at which tick, and every frame it gets back."""

from frame_vectors import JOINTS, LIMITS_CRC, PARAMS_CRC, SCHEMA_HASH, SEED, message
from wire_reference import wire_of

BOOT_ID = 0xB0071D00
# The uid the WebAssembly port reports.
UID = [0x6F6D7057, 0x61736D31, 1]
POSITION = [1000, -2000, 3000, -4000, 5000, -6000]
NO_JOINT = 0xFF


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

    def hello(
        self, tick: int, session_id: int, why: str, major: int = 1, seq: int | None = None, features: int = 0
    ) -> None:
        is_new = major == 1 and SCHEMA_HASH ^ session_id != self.seed
        self.send(tick, "HELLO", why, seq, major=major, minor=0, session_id=session_id, features=features)
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
            params_crc=PARAMS_CRC,
        )

    def unasked(self, tick: int, why: str) -> None:
        """What the controller says by itself at the end of `tick`; one step, however much it is."""
        if self.steps[-1]["tick"] != tick or "wire" in self.steps[-1]:
            self.steps.append({"tick": tick, "why": why, "answers": []})

    def event(self, after: int, why: str, **fields) -> None:
        """An EVENT of the end of tick `after`, which comes before what arrives at it."""
        self.unasked(after, why)
        self.answer("EVENT", **{"joint": NO_JOINT, "detail": 0, "lost": 0, **fields})

    def state(self, tick: int, mode: int, lease_left_ms: int, **fields: int) -> None:
        """The subscription's frame of `tick`, which comes before what arrives at it."""
        self.unasked(tick, "subscription")
        quiet = {"fault": 0, "fault_nonce": 0, "buffered": 0, "flags": 0, "chunk_id": 0}
        joints = [{"position": p, "command": p, "velocity": 0, "effort": 0} for p in POSITION]
        self.answer(
            "STATE",
            tick=tick,
            sub_us=0,
            last_seq=self.host_seq,
            mode=mode,
            joint_count=len(JOINTS),
            lease_left_ms=lease_left_ms,
            joints=joints,
            **{**quiet, **fields},
        )
