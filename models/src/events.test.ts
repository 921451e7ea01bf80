import assert from "node:assert/strict";
import { test } from "node:test";

import { parseEvent } from "./events.ts";

test("every event of the stream is read", () => {
  const lines: readonly [string, object][] = [
    [`{"event": "started", "command": "train"}`, { event: "started", command: "train" }],
    [
      `{"event": "progress", "stage": "train", "done": 3, "total": 10, "eta_s": 1.5}`,
      { event: "progress", stage: "train", done: 3, total: 10, etaS: 1.5 },
    ],
    [
      `{"event": "metric", "name": "train/mse", "step": 3, "value": 0.25}`,
      { event: "metric", name: "train/mse", step: 3, value: 0.25 },
    ],
    [
      `{"event": "episode", "policy": "int8", "seed": 4, "success": false, "steps": 200, "max_velocity": 1}`,
      { event: "episode", policy: "int8", seed: 4, success: false, steps: 200 },
    ],
    [`{"event": "log", "message": "hello"}`, { event: "log", message: "hello" }],
    [
      `{"event": "interrupted", "message": "stopped", "checkpoint": "run/checkpoint.pt"}`,
      { event: "interrupted", message: "stopped", checkpoint: "run/checkpoint.pt" },
    ],
    [
      `{"event": "interrupted", "message": "stopped", "checkpoint": null}`,
      { event: "interrupted", message: "stopped", checkpoint: undefined },
    ],
    [
      `{"event": "error", "code": "CONFIG_INVALID", "message": "no such key"}`,
      { event: "error", code: "CONFIG_INVALID", message: "no such key" },
    ],
    [
      `{"event": "result", "command": "train", "step": 40}`,
      {
        event: "result",
        command: "train",
        values: { event: "result", command: "train", step: 40 },
      },
    ],
  ];
  for (const [line, expected] of lines) assert.deepEqual(parseEvent(line), expected);
});

test("a line that is no event is left to be text", () => {
  const lines = [
    "",
    "[torch.onnx] Obtain model graph",
    "{broken",
    "[]",
    "{}",
    `{"event": "unheard-of"}`,
    `{"event": "progress", "stage": "train", "done": "3", "total": 10, "eta_s": 1}`,
    `{"event": "error", "code": "CONFIG_INVALID"}`,
    `{"event": "episode", "policy": "int8", "seed": 1, "success": "yes", "steps": 1}`,
  ];
  for (const line of lines) assert.equal(parseEvent(line), undefined, line);
});
