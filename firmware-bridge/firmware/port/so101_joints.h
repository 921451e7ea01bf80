/* Six joints of SO-101 proportions; positions and limits of models/worlds/push/world.json in counts. */
#ifndef SO101_JOINTS_H
#define SO101_JOINTS_H

#include "omp_joint.h"

enum { SO101_JOINT_COUNT = 6 };

#define SO101_JOINT(joint_name, min, max, error)                                                                    \
  {.name = joint_name,                                                                                              \
   .min_position = (min),                                                                                           \
   .max_position = (max),                                                                                           \
   .max_velocity = 3000000,                                                                                         \
   .max_acceleration = 20000000,                                                                                    \
   .defaults = {.following_error = (error)}}

/* The gripper closes on things: its following error is its grip. */
static const omp_joint so101_joints[SO101_JOINT_COUNT] = {
    SO101_JOINT("shoulder_pan", -1920000, 1920000, 600000),
    SO101_JOINT("shoulder_lift", -1745000, 1745000, 600000),
    SO101_JOINT("elbow_flex", -1690000, 1690000, 600000),
    SO101_JOINT("wrist_flex", -1658000, 1658000, 600000),
    SO101_JOINT("wrist_roll", -2740000, 2840000, 600000),
    SO101_JOINT("gripper", -175000, 1745000, 0),
};

#endif
