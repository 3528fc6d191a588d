import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, relative } from "../src/spans.ts";

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

const told: [number, string][] = [
  [-10_000, "just now"],
  [2000, "just now"],
  [10_000, "in less than a minute"],
  [-MINUTE, "1 minute ago"],
  [90 * MINUTE, "in 2 hours"],
  [7 * DAY - 1000, "in 7 days"],
  [30 * DAY, "in 30 days"],
  [-90 * DAY, "3 months ago"],
  [366 * DAY, "in 1 year"],
];
for (const [span, words] of told) {
  test(`${span} ms from now is ${words}`, () => assert.equal(relative(1e12 + span, 1e12), words));
}

test("how long to wait is never told too short", () => {
  assert.deepEqual([0.2, 1, 42, 120, 121, 3600].map(duration), [
    "1 second",
    "1 second",
    "42 seconds",
    "120 seconds",
    "3 minutes",
    "60 minutes",
  ]);
});
