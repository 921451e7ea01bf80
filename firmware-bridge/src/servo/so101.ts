/** A joint of an arm that is known before it is calibrated. */
export interface KnownJoint {
  readonly name: string;
  /** Angles of its stops, rad. */
  readonly minPosition: number;
  readonly maxPosition: number;
}

/** The SO-101's joints in the order of its servo ids 1 to 6. SO-100 has the same. */
export const so101Joints: readonly KnownJoint[] = [
  { name: "shoulder_pan", minPosition: -1.92, maxPosition: 1.92 },
  { name: "shoulder_lift", minPosition: -1.745, maxPosition: 1.745 },
  { name: "elbow_flex", minPosition: -1.69, maxPosition: 1.69 },
  { name: "wrist_flex", minPosition: -1.658, maxPosition: 1.658 },
  { name: "wrist_roll", minPosition: -2.74, maxPosition: 2.84 },
  { name: "gripper", minPosition: -0.175, maxPosition: 1.745 },
];

/** What a joint's angle is in the middle of its range, rad, by name: its zero need not be there. */
export const so101MiddleAngles: Readonly<Record<string, number>> = Object.fromEntries(
  so101Joints.map(({ name, minPosition, maxPosition }) => [name, (minPosition + maxPosition) / 2]),
);
