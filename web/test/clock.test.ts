import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "../src/clock.ts";

const SENT = 1_800_000_000_000;
const HOUR = 3_600_000;

test("a browser's clock that may be right is taken for right", () => {
  assert.equal(difference(SENT, SENT, SENT + 100), 0);
  assert.equal(difference(SENT - 1900, SENT, SENT + 100), 0);
  assert.equal(difference(SENT + 4000, SENT, SENT + 8000), 0, "a slow answer");
});

test("one that is wrong is known by answers from before they were asked for, or from after they came", () => {
  assert.equal(difference(SENT + HOUR, SENT, SENT + 100), HOUR - 100);
  assert.equal(difference(SENT - HOUR, SENT, SENT + 100), 2000 - HOUR);
});
