"""The scenarios of trajectory.json; ticks count from each scenario's start."""

from trajectory_vectors import HOME, Timeline, straight, wander

SLOW = [200, -150, 100, -77, 33, 1]
FAST = [60000, -60000, 54321, -12345, 60000, 59999]


def one_chunk_from_rest() -> Timeline:
    line = Timeline("one chunk from rest, ring end, braking")
    line.at(5).enable()
    line.at(10).chunk(40, 20, wander(HOME, 6, 20, 1))
    return line.at(330)


def multi_part() -> Timeline:
    line = Timeline("sixteen waypoints in two parts, the second four ticks later")
    rows = wander(HOME, 16, 10, 2)
    line.at(5).enable()
    line.chunk_id = 300
    line.at(10).part(0, 2, 40, 10, rows[:9])
    line.at(14).part(1, 2, 40, 10, rows[9:])
    return line.at(300)


def replacement() -> Timeline:
    line = Timeline("replacement of a running chunk with kept waypoints")
    rows = wander(HOME, 9, 20, 3, 0.4)
    line.at(5).enable()
    line.at(10).chunk(40, 20, rows)
    line.at(73).chunk(120, 20, wander(rows[3], 5, 20, 4, 0.4))
    line.at(131).chunk(163, 25, wander(rows[3], 3, 25, 5, 0.2))
    return line.at(310)


def wobble() -> Timeline:
    line = Timeline("a grid that wobbles by a tick: the waypoint within dt/2 of t0 gives way")
    rows = straight(HOME, 30, SLOW)
    line.at(5).enable()
    line.at(10).chunk(40, 20, rows[:8])
    line.at(50).chunk(101, 20, rows[3:11])
    line.at(90).chunk(140, 20, rows[5:13])
    line.at(130).chunk(179, 20, rows[7:15])
    return line.at(320)


def half_dt() -> Timeline:
    line = Timeline("junction: due at t0 - floor(dt/2) is dropped, one tick earlier is kept")
    rows = straight(HOME, 30, SLOW)
    line.at(5).enable()
    line.at(10).chunk(40, 21, rows[:6])
    # Waypoints at 40, 61, 82, 103, 124, 145.
    line.at(50).chunk(92, 21, rows[2:8])
    line.at(95).chunk(124, 21, rows[4:10])
    return line.at(290)


def nothing_kept() -> Timeline:
    line = Timeline("a chunk that cuts the running segment starts at the current command")
    rows = wander(HOME, 4, 50, 6, 0.3)
    line.at(5).enable()
    line.at(10).chunk(60, 50, rows)
    line.at(79).chunk(90, 50, wander(rows[0], 3, 50, 7, 0.1))
    return line.at(260)


def pending_replaced() -> Timeline:
    line = Timeline("a chunk that has not begun is replaced at rest")
    line.at(5).enable()
    line.at(10).chunk(150, 30, wander(HOME, 4, 30, 8, 0.5))
    line.at(20).chunk(90, 30, wander(HOME, 2, 30, 9, 0.5))
    line.at(30).chunk(33, 30, straight(HOME, 2, SLOW))
    return line.at(170)


def brake_at_limit() -> Timeline:
    position = [1700000, -1600000, 1500000, 0, 0, 1600000]
    line = Timeline("braking at full speed is clamped to the position limits", position=position)
    line.at(5).enable()
    line.at(10).chunk(40, 20, straight(position, 3, [60000, -45000, 60000, -60000, 60000, 45000]))
    return line.at(260)


def hold_in_segment() -> Timeline:
    line = Timeline("HOLD in the middle of a segment, and again while braking")
    line.at(5).enable()
    line.at(10).chunk(40, 20, straight(HOME, 9, [40000, -30000, 20000, -10000, 7, 40001]))
    line.at(91).hold()
    line.at(100).hold()
    return line.at(220)


def hold_at_waypoint() -> Timeline:
    line = Timeline("HOLD and a cut at the very tick of a waypoint: the arm moves")
    line.at(5).enable()
    line.at(10).chunk(40, 20, straight(HOME, 9, SLOW))
    line.at(60).hold()
    rows = straight(line.at(100).model.command, 9, SLOW)
    line.chunk(130, 20, rows)
    line.at(150).chunk(165, 20, straight(rows[1], 2, SLOW))
    return line.at(230)


def same_tick() -> Timeline:
    line = Timeline("a chunk and HOLD in the same tick: the stop acts on the motion that was under way")
    line.at(5).enable()
    line.at(10).chunk(40, 20, straight(HOME, 9, SLOW))
    line.at(71).chunk(78, 20, straight(HOME, 4, SLOW))
    line.hold()
    line.at(73).chunk(90, 20, straight(HOME, 4, SLOW))
    line.hold()
    rows = straight(line.at(120).model.command, 6, SLOW)
    line.chunk(150, 20, rows)
    line.at(165).chunk(175, 20, rows[1:3])
    line.chunk(180, 20, rows[2:4])
    return line.at(240)


def brake_interrupted() -> Timeline:
    line = Timeline("braking is interrupted by a new chunk")
    rows = straight(HOME, 4, FAST)
    line.at(5).enable()
    line.at(10).chunk(40, 20, rows)
    line.at(130)
    line.chunk(160, 20, straight(line.model.command, 3, [20000, 20000, -20000, 10000, -9999, 20000]))
    line.at(175).hold()
    line.at(180).chunk(200, 20, straight(line.model.command, 2, [0, 1, -1, 0, 0, 0]))
    return line.at(260)


def refusals() -> Timeline:
    line = Timeline("every refusal, and its nearest admitted neighbour")
    line.at(3).chunk(40, 20, [HOME])
    line.at(5).enable()
    line.at(10).chunk(11, 20, [HOME])
    line.chunk(9, 20, [HOME])
    line.chunk(2011, 20, [HOME])
    line.chunk(2010, 20, [HOME])
    line.at(12).chunk(14, 20, [HOME])
    line.at(50).chunk(100, 20, [[1920001, *HOME[1:]]])
    line.chunk(100, 20, [HOME, [*HOME[:5], -175001]])
    line.chunk(100, 20, [[60001, *HOME[1:]]])
    line.chunk(100, 20, [[60000, *HOME[1:]], [119999, *HOME[1:]], [59998, *HOME[1:]]])
    line.chunk(100, 20, [[60000, *HOME[1:]], [120000, *HOME[1:]], [60000, *HOME[1:]]])
    # Kept: 100. One count too far for the 19 ticks that are left of the first segment, then not.
    line.at(60).chunk(119, 20, [[117001, *HOME[1:]]])
    line.chunk(119, 20, [[117000, *HOME[1:]]])
    line.chunk(300, 0, [HOME])
    line.chunk(300, 1001, [HOME])
    line.part(0, 0, 300, 20, [HOME])
    line.part(0, 17, 300, 20, [HOME])
    line.part(1, 2, 300, 20, [HOME])
    line.part(0, 2, 300, 20, [HOME])
    line.part(1, 2, 301, 20, [HOME])
    line.part(1, 2, 300, 20, [HOME])
    line.at(70).hold()
    line.at(71).disable()
    line.chunk(140, 20, [HOME])
    line.estop()
    line.chunk(140, 20, [HOME])
    return line.at(90)


def full_ring() -> Timeline:
    line = Timeline("the ring holds 64 waypoints: one more is FULL, also over several parts")
    line.at(5).enable()
    line.at(10).chunk(100, 2, straight(HOME, 65, SLOW))
    line.chunk(50, 20, straight(HOME, 40, [1, 0, 0, 0, 0, -1]))
    line.chunk(850, 3, straight(HOME, 25, [1, 0, 0, 0, 0, 0]))
    line.chunk(840, 3, straight(HOME, 25, [1, 0, 0, 0, 0, 0]))
    line.at(20).hold()
    line.at(25).chunk(60, 1, straight(HOME, 64, [3, -3, 2, -2, 1, -1]))
    line.chunk(9, 1, straight(HOME, 66, SLOW))
    return line.at(130)


def modes() -> Timeline:
    line = Timeline("DISABLE, a new session and ESTOP in motion: braking, then no motion without ENABLE")
    line.at(5).enable()
    rows = straight(HOME, 9, [10000, 5000, -5000, 2500, 1000, 10000])
    line.at(10).chunk(40, 20, rows)
    line.at(65).disable()
    line.at(70).chunk(100, 20, rows)
    line.enable()
    line.at(100).enable()
    line.at(101).chunk(130, 20, straight(line.model.command, 9, [-5000, 0, 5000, 0, 0, 0]))
    line.at(155).new_session(0x0BADCAFE)
    line.at(190).enable()
    line.at(191).chunk(220, 20, straight(line.model.command, 9, [4000, 0, -4000, 0, 0, 0]))
    line.at(249).estop()
    line.at(250).enable()
    line.disable()
    line.hold()
    line.estop()
    line.at(251).clear_fault()
    line.enable()
    line.at(300).enable()
    line.at(310).disable()
    line.at(311).disable()
    return line.at(320)


def moved_by_hand() -> Timeline:
    line = Timeline("ENABLE takes the measured position: no jump")
    line.at(5).move_by_hand([123456, -300001, 400002, 1470003, -4, 5])
    line.at(10).enable()
    line.at(12).chunk(50, 20, wander([123456, -300001, 400002, 1470003, -4, 5], 3, 20, 11, 0.3))
    return line.at(160)


def enabled_outside() -> Timeline:
    line = Timeline(
        "a joint enabled outside its limits: chunks must lead inside, a brake on the way does not jump there"
    )
    line.at(5).move_by_hand([2000000, -300000, 400000, -1700000, 0, 0])
    line.at(10).enable()
    outside = line.model.command
    line.at(12).chunk(60, 20, [[1999999, *outside[1:3], -1658000, 0, 0]])
    line.chunk(160, 100, [[1900000, *outside[1:3], -1650000, 0, 0], [1800000, *outside[1:3], -1600000, 0, 0]])
    line.at(90).hold()
    line.at(100).hold()
    line.at(120).chunk(240, 100, [[1800000, *outside[1:3], -1600000, 0, 0]])
    return line.at(420)


def tick_wrap() -> Timeline:
    line = Timeline("the tick wraps in a running chunk whose successor was admitted before", start_tick=2**32 - 90)
    rows = wander(HOME, 6, 20, 12, 0.5)
    line.at(5).enable()
    line.at(10).chunk(45, 20, rows)
    line.at(60).chunk(101, 20, wander(rows[1], 4, 20, 13, 0.4))
    return line.at(300)


def wrap_in_brake() -> Timeline:
    line = Timeline("the tick wraps while braking", start_tick=2**32 - 100)
    line.at(5).enable()
    line.at(10).chunk(40, 10, straight(HOME, 3, [30000, -30000, 0, 0, 1, 0]))
    line.at(80).hold()
    line.at(130)
    line.chunk(155, 10, straight(line.model.command, 2, [-3000, 0, 0, 0, 0, 0]))
    return line.at(190)


def wrap_at_rest() -> Timeline:
    line = Timeline("the tick wraps while a chunk waits for its first segment", start_tick=2**32 - 30)
    line.at(5).enable()
    line.at(10).chunk(60, 20, straight(HOME, 2, SLOW))
    line.at(20).chunk(70, 20, straight(HOME, 2, SLOW))
    return line.at(100)


ALL = [
    one_chunk_from_rest,
    multi_part,
    replacement,
    wobble,
    half_dt,
    nothing_kept,
    pending_replaced,
    brake_at_limit,
    hold_in_segment,
    hold_at_waypoint,
    same_tick,
    brake_interrupted,
    refusals,
    full_ring,
    modes,
    moved_by_hand,
    enabled_outside,
    tick_wrap,
    wrap_in_brake,
    wrap_at_rest,
]
