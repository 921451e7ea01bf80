"""Closed-form kinematics of the push world's arm, its hand pointing straight down."""

import math
from dataclasses import dataclass

import mujoco
import numpy as np


@dataclass(frozen=True)
class ArmKinematics:
    """Lengths in m, read from the compiled scene so that they are typed once."""

    shoulder_radius: float
    shoulder_height: float
    upper_arm: float
    forearm: float
    hand: float

    @staticmethod
    def of(model: mujoco.MjModel) -> "ArmKinematics":
        """Reads the lengths from `model`."""
        shoulder, upper_arm = model.body("shoulder").pos, model.body("upper_arm").pos
        return ArmKinematics(
            shoulder_radius=float(upper_arm[0]),
            shoulder_height=float(shoulder[2] + upper_arm[2]),
            upper_arm=float(model.body("forearm").pos[2]),
            forearm=float(model.body("wrist").pos[0]),
            hand=float(model.body("hand").pos[0] + model.site("tool").pos[0]),
        )

    def forward(self, joints: np.ndarray) -> np.ndarray:
        """Tool point (3,) m of `joints` (6,) rad. Exact in any pose; roll and gripper do not move it."""
        pan, lift, elbow, wrist = joints[:4]
        forearm_pitch, hand_pitch = lift + elbow, lift + elbow + wrist
        radius = (
            self.shoulder_radius
            + self.upper_arm * math.sin(lift)
            + self.forearm * math.cos(forearm_pitch)
            + self.hand * math.cos(hand_pitch)
        )
        height = (
            self.shoulder_height
            + self.upper_arm * math.cos(lift)
            - self.forearm * math.sin(forearm_pitch)
            - self.hand * math.sin(hand_pitch)
        )
        return np.array([radius * math.cos(pan), radius * math.sin(pan), height])

    def inverse(self, tool: np.ndarray, gripper: float) -> np.ndarray:
        """Joints (6,) rad that put the tool point at `tool` (3,) m: hand down, elbow up, jaws always along world y.

        A point out of reach is answered with the arm stretched towards it.
        """
        pan = math.atan2(tool[1], tool[0])
        across = math.hypot(tool[0], tool[1]) - self.shoulder_radius
        up = tool[2] + self.hand - self.shoulder_height
        distance = math.hypot(across, up)
        cosine = (self.upper_arm**2 + distance**2 - self.forearm**2) / (2 * self.upper_arm * distance)
        lift = math.atan2(across, up) - math.acos(min(1.0, max(-1.0, cosine)))
        forearm_pitch = math.atan2(self.upper_arm * math.cos(lift) - up, across - self.upper_arm * math.sin(lift))
        return np.array([pan, lift, forearm_pitch - lift, math.pi / 2 - forearm_pitch, pan, gripper])
