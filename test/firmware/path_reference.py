"""Trajectories and modes of PROTOCOL.md sections 5 and 6 in closed form: a command comes from the plan, never a step.

Ticks are unwrapped here. What arrives at tick `now` acts after the command of `now`, on the motion it belongs to.
"""

from dataclasses import dataclass, field
from itertools import pairwise

OK, LATE, LIMIT, FULL, MODE, SCHEMA, RANGE = range(7)
IDLE, HOLD, RUN, FAULT = range(4)
TICK_HZ = 1000
RING_DEPTH = 64
MIN_LEAD, MAX_LEAD = 2, 2000
MAX_PARTS, MAX_DT = 16, 1000
FAULT_ESTOP = 0xE5


def trunc_div(a: int, b: int) -> int:
    """Integer quotient toward zero, `b` above 0."""
    return a // b if a >= 0 else -(-a // b)


@dataclass
class Segment:
    start_tick: int
    start: list[int]
    end_tick: int
    end: list[int]

    def at(self, tick: int) -> list[int]:
        elapsed, total = tick - self.start_tick, self.end_tick - self.start_tick
        return [ps + trunc_div((pe - ps) * elapsed, total) for ps, pe in zip(self.start, self.end, strict=True)]

    def velocity(self) -> list[int]:
        total = self.end_tick - self.start_tick
        return [trunc_div((pe - ps) * TICK_HZ, total) for ps, pe in zip(self.start, self.end, strict=True)]


@dataclass
class Brake:
    """From `position` with `velocity` to rest; a `ticks` of 0 is rest itself."""

    joints: list[dict]
    start_tick: int
    position: list[int]
    velocity: list[int]
    ticks: int = field(init=False)

    def __post_init__(self) -> None:
        pairs = zip(self.velocity, self.joints, strict=True)
        self.ticks = max(-(-abs(v) * TICK_HZ // joint["max_acceleration"]) for v, joint in pairs)

    def at(self, tick: int) -> list[int]:
        n = self.ticks
        k = min(tick - self.start_tick, n)
        if k == 0:
            return self.position
        command = []
        for p, v, joint in zip(self.position, self.velocity, self.joints, strict=True):
            moved = p + trunc_div(v * k * (2 * n - k), 2 * n * TICK_HZ)
            command.append(max(min(joint["min_position"], p), min(max(joint["max_position"], p), moved)))
        return command

    def is_moving(self, tick: int) -> bool:
        return tick < self.start_tick + self.ticks


@dataclass
class Follow:
    """Rest at `start` until `start_tick`, then through `points` (tick, position), then brake."""

    joints: list[dict]
    start_tick: int
    start: list[int]
    points: list[tuple[int, list[int]]]

    def segments(self) -> list[Segment]:
        starts = [(self.start_tick, self.start), *self.points]
        return [Segment(ts, ps, te, pe) for (ts, ps), (te, pe) in zip(starts, self.points, strict=False)]

    def motion(self, tick: int) -> Segment | Brake:
        """What the command of `tick` belongs to; at the last waypoint's tick braking begins."""
        if tick <= self.start_tick:
            return Brake(self.joints, tick, self.start, [0] * len(self.start))
        end_tick, end = self.points[-1]
        if tick >= end_tick:
            return Brake(self.joints, end_tick, end, self.segments()[-1].velocity())
        return next(segment for segment in self.segments() if segment.start_tick < tick <= segment.end_tick)


@dataclass
class Part:
    chunk_id: int
    part_index: int
    part_count: int
    t0: int
    dt: int
    rows: list[list[int]]


class ControllerModel:
    """A controller whose joints are exactly where they are commanded to and whose lease never ends."""

    def __init__(self, joints: list[dict], tick: int, position: list[int]) -> None:
        self.joints = joints
        self.tick = tick
        self.mode = IDLE
        self.fault_nonce = 0
        self.plan: Follow | Brake = self.resting(position)
        self.motion: Segment | Brake = self.plan
        self.staged: list[Part] = []

    def resting(self, position: list[int]) -> Brake:
        return Brake(self.joints, self.tick, position, [0] * len(position))

    @property
    def command(self) -> list[int]:
        return self.motion.at(self.tick)

    @property
    def is_moving(self) -> bool:
        return isinstance(self.motion, Segment) or self.motion.is_moving(self.tick)

    def waypoints(self) -> list[tuple[int, list[int]]]:
        """Those in the ring."""
        if isinstance(self.plan, Brake):
            return []
        return [point for point in self.plan.points if point[0] > self.tick]

    def step(self) -> None:
        self.tick += 1
        self.motion = self.plan.motion(self.tick) if isinstance(self.plan, Follow) else self.plan
        if isinstance(self.plan, Follow) and self.tick >= self.plan.points[-1][0]:
            self.plan = self.motion
            self.mode = HOLD

    # What arrives; each returns its ACK code and what it did to the path.

    def stop(self, mode: int) -> None:
        self.mode = mode
        self.staged = []
        if isinstance(self.motion, Segment):
            self.motion = Brake(self.joints, self.tick, self.command, self.motion.velocity())
        self.plan = self.motion

    def enable(self, measured: list[int]) -> tuple[int, str]:
        if self.mode == FAULT or (self.mode == IDLE and self.is_moving):
            return MODE, "nothing"
        if self.mode != IDLE:
            return OK, "nothing"
        self.mode = HOLD
        self.plan = self.motion = self.resting(measured)
        return OK, "enable"

    def hold(self) -> tuple[int, str]:
        if self.mode not in (HOLD, RUN):
            return MODE, "nothing"
        self.stop(HOLD)
        return OK, "brake"

    def disable(self) -> tuple[int, str]:
        if self.mode == FAULT:
            return MODE, "nothing"
        was_idle = self.mode == IDLE
        if not was_idle:
            self.stop(IDLE)
        return OK, "nothing" if was_idle else "brake"

    def estop(self) -> tuple[None, str]:
        if self.mode == FAULT:
            return None, "nothing"
        self.fault_nonce += 1
        self.stop(FAULT)
        return None, "brake"

    def new_session(self) -> tuple[None, str]:
        self.staged = []
        if self.mode not in (HOLD, RUN):
            return None, "nothing"
        self.stop(IDLE)
        return None, "brake"

    def clear_fault(self) -> tuple[int, str]:
        if self.mode != FAULT:
            return MODE, "nothing"
        self.mode = IDLE
        return OK, "nothing"

    def part(self, part: Part) -> tuple[int, str]:
        if self.mode not in (HOLD, RUN):
            return MODE, "nothing"
        if part.part_index == 0:
            self.staged = []
        in_range = 1 <= part.part_count <= MAX_PARTS and 1 <= part.dt <= MAX_DT and len(part.rows) > 0
        is_next = in_range and part.part_index == len(self.staged) < part.part_count
        if not is_next or any(not same_chunk(part, other) for other in self.staged):
            self.staged = []
            return RANGE, "nothing"
        self.staged.append(part)
        if len(self.staged) < part.part_count:
            return OK, "nothing"
        rows = [row for staged in self.staged for row in staged.rows]
        self.staged = []
        return self.admit(part.t0, part.dt, rows)

    def admit(self, t0: int, dt: int, rows: list[list[int]]) -> tuple[int, str]:
        if t0 - self.tick < MIN_LEAD:
            return LATE, "nothing"
        if t0 - self.tick > MAX_LEAD:
            return RANGE, "nothing"
        kept = [point for point in self.waypoints() if point[0] < t0 - dt // 2]
        if len(kept) + len(rows) > RING_DEPTH:
            return FULL, "nothing"
        new = [(t0 + i * dt, row) for i, row in enumerate(rows)]
        start_tick = self.tick if self.is_moving else max(self.tick, t0 - dt)
        junction = kept[-1] if kept else (start_tick, self.command)
        if not self.is_allowed([junction, *new]):
            return LIMIT, "nothing"
        if kept and isinstance(self.plan, Follow):
            passed = [point for point in self.plan.points if point[0] <= self.tick]
            self.plan = Follow(self.joints, self.plan.start_tick, self.plan.start, [*passed, *kept, *new])
        else:
            self.plan = Follow(self.joints, *junction, new)
        self.mode = RUN
        return OK, "commit"

    def is_allowed(self, points: list[tuple[int, list[int]]]) -> bool:
        for (ts, ps), (te, pe) in pairwise(points):
            for start, end, joint in zip(ps, pe, self.joints, strict=True):
                if not joint["min_position"] <= end <= joint["max_position"]:
                    return False
                if abs(end - start) * TICK_HZ > joint["max_velocity"] * (te - ts):
                    return False
        return True


def same_chunk(a: Part, b: Part) -> bool:
    return (a.chunk_id, a.part_count, a.t0, a.dt) == (b.chunk_id, b.part_count, b.t0, b.dt)
