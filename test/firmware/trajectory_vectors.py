"""Contents of test/vectors/trajectory.json: timelines of what a controller receives, and the command of every tick."""

from collections.abc import Callable

from frame_vectors import JOINTS
from path_reference import FAULT_ESTOP, RING_DEPTH, ControllerModel, Part

WRAP = 2**32
HOME = [0, -300000, 400000, 1470000, 0, 0]
LEASE_MS = 1000
HEARTBEAT_TICKS = 200
ROWS_PER_PART = 9


class Timeline:
    """One scenario: `at` moves time on, the other calls are what arrives at that tick."""

    def __init__(self, name: str, start_tick: int = 5000, position: list[int] = HOME) -> None:
        self.name = name
        self.start_tick = start_tick
        self.position = position
        self.measured: list[int] | None = None
        self.model = ControllerModel(JOINTS, start_tick, position)
        self.commands: list[list[int]] = []
        self.modes: list[int] = []
        self.events: list[dict] = []
        self.chunk_id = 0

    def at(self, tick: int) -> "Timeline":
        """Runs to `tick` after the start."""
        while self.model.tick < self.start_tick + tick:
            self.model.step()
            self.commands.append(self.model.command)
            self.modes.append(self.model.mode)
        return self

    def event(self, kind: str, result: tuple[int | None, str], **fields) -> None:
        ack, effect = result
        after = {"mode": self.model.mode, "buffered": len(self.model.waypoints())}
        self.events.append(
            {"now": self.model.tick % WRAP, "kind": kind, **fields, "ack": ack, "effect": effect, **after}
        )

    def enable(self) -> "Timeline":
        measured = self.measured or self.model.command
        self.event("enable", self.model.enable(measured), measured=measured)
        self.measured = None
        return self

    def move_by_hand(self, position: list[int]) -> None:
        """From now to the next ENABLE the joints are measured there."""
        self.measured = position
        self.event("measured", (None, "nothing"), position=position)

    def hold(self) -> None:
        self.event("hold", self.model.hold())

    def disable(self) -> None:
        self.event("disable", self.model.disable())

    def estop(self) -> None:
        self.event("estop", self.model.estop())

    def new_session(self, session_id: int) -> None:
        self.event("new_session", self.model.new_session(), session_id=session_id)

    def clear_fault(self) -> None:
        nonce = self.model.fault_nonce
        self.event("clear_fault", self.model.clear_fault(), fault=FAULT_ESTOP, fault_nonce=nonce)

    def part(self, part_index: int, part_count: int, t0: int, dt: int, rows: list[list[int]]) -> None:
        """`t0` after the start, as every tick of a scenario."""
        part = Part(self.chunk_id, part_index, part_count, self.start_tick + t0, dt, rows)
        result = self.model.part(part)
        fields = {"chunk_id": self.chunk_id, "part_index": part_index, "part_count": part_count}
        self.event("traj", result, **fields, t0=part.t0 % WRAP, dt=dt, rows=rows)

    def chunk(self, t0: int, dt: int, rows: list[list[int]], rows_per_part: int = ROWS_PER_PART) -> None:
        """All parts at once."""
        self.chunk_id += 1
        parts = [rows[i : i + rows_per_part] for i in range(0, len(rows), rows_per_part)]
        for i, part in enumerate(parts):
            self.part(i, len(parts), t0, dt, part)

    def document(self) -> dict:
        runs: list[dict] = []
        for mode in self.modes:
            if not runs or runs[-1]["mode"] != mode:
                runs.append({"mode": mode, "ticks": 0})
            runs[-1]["ticks"] += 1
        return {
            "name": self.name,
            "start_tick": self.start_tick % WRAP,
            "start_position": self.position,
            "events": self.events,
            "modes": runs,
            "commands": self.commands,
        }


def wander(start: list[int], count: int, dt: int, salt: int, share: float = 0.9) -> list[list[int]]:
    """Rows that stay within position limits and `share` of the velocity limit; a fixed multiplicative generator."""
    state = salt * 2654435761 % 2**32 | 1
    rows: list[list[int]] = []
    last = start
    for _ in range(count):
        row = []
        for position, joint in zip(last, JOINTS, strict=True):
            state = (state * 1664525 + 1013904223) % 2**32
            reach = int(joint["max_velocity"] * dt * share) // 1000
            moved = position + state % (2 * reach + 1) - reach
            row.append(max(joint["min_position"], min(joint["max_position"], moved)))
        rows.append(row)
        last = row
    return rows


def straight(start: list[int], count: int, step: list[int]) -> list[list[int]]:
    return [[p + (i + 1) * s for p, s in zip(start, step, strict=True)] for i in range(count)]


def trajectory_document() -> dict:
    import scenarios

    makers: list[Callable[[], Timeline]] = scenarios.ALL
    return {
        "about": "PROTOCOL.md sections 5 and 6, made by test/firmware/make_vectors.py. "
        "`commands[i]` is the command of tick start_tick + 1 + i and `modes` the modes of the same ticks, run by run. "
        "An event arrives after the command of its tick `now` and shapes those after it; "
        "`ack`, `mode` and `buffered` are what the controller says next, `effect` what the event did to the path. "
        "Joints are measured at start_position first, then wherever they are commanded, "
        "except between `measured` and `enable`.",
        "tick_hz": 1000,
        "ring_depth": RING_DEPTH,
        "lease_ms": LEASE_MS,
        "heartbeat_every_ticks": HEARTBEAT_TICKS,
        "joints": JOINTS,
        "scenarios": [make().document() for make in makers],
    }
