import assert from "node:assert/strict";
import { test } from "node:test";
import { plan } from "../src/plan.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("the tab that leads refreshes when half of what is left has passed", () => {
  assert.deepEqual(plan(NOW, NOW + HOUR, true), { wait: HOUR / 2, due: "refresh" });
  assert.deepEqual(plan(NOW, NOW + HOUR, true, NOW + HOUR - 1), { wait: HOUR / 2, due: "refresh" });
});

test("the others only look whether the session has ended, at its end", () => {
  assert.deepEqual(plan(NOW, NOW + HOUR, false), { wait: HOUR, due: "look" });
});

test("a refresh that did not move the end was the last", () => {
  assert.deepEqual(plan(NOW, NOW + HOUR, true, NOW + HOUR), { wait: HOUR, due: "look" });
});

test("no timer is longer than timers can be", () => {
  assert.deepEqual(plan(NOW, NOW + 7 * DAY, true), { wait: DAY, due: "plan" });
  assert.deepEqual(plan(NOW, NOW + 400 * DAY, false), { wait: DAY, due: "plan" });
});

test("nothing is due more often than once a second, whatever the clocks say", () => {
  assert.deepEqual(plan(NOW, NOW + 100, true), { wait: 1000, due: "refresh" });
  assert.deepEqual(plan(NOW, NOW - HOUR, false), { wait: 1000, due: "look" });
});
