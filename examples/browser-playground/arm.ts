/** A point in the frame of the table, m: x away from the base, y to its left, z up. */
export type Point = readonly [x: number, y: number, z: number];

/** Lengths of the arm of `models/worlds/push/scene.xml`, m. */
const baseHeight = 0.06;
const shoulder = { x: 0.03, z: 0.12 };
const upperArm = 0.116;
const forearm = 0.135;
const hand = 0.159;

/**
 * Foot, base, shoulder, elbow, wrist and tool of the arm.
 *
 * @param joints pan, lift, elbow and wrist first, rad; zero is upper arm up, forearm and hand along x
 */
export function armPoints(joints: ArrayLike<number>): readonly Point[] {
  const [pan = 0, lift = 0, elbow = 0, wrist = 0] = Array.from(joints);
  let radius = shoulder.x;
  let z = shoulder.z;
  const points: Point[] = [
    [0, 0, 0],
    [0, 0, baseHeight],
  ];
  const add = (along: number, up: number): void => {
    radius += along;
    z += up;
    points.push([radius * Math.cos(pan), radius * Math.sin(pan), z]);
  };
  add(0, 0);
  add(upperArm * Math.sin(lift), upperArm * Math.cos(lift));
  const pitch = lift + elbow;
  add(forearm * Math.cos(pitch), -forearm * Math.sin(pitch));
  add(hand * Math.cos(pitch + wrist), -hand * Math.sin(pitch + wrist));
  return points;
}
