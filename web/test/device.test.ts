import assert from "node:assert/strict";
import { test } from "node:test";
import { device } from "../src/device.ts";

const devices: [string, string][] = [
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1", "Safari on macOS"],
  ["Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"],
  ["curl/8.14.1", "curl"],
  ["", "Unknown program"],
  ["x".repeat(200), "x".repeat(40)],
];
for (const [userAgent, name] of devices) {
  test(`${name} is known by its header`, () => assert.equal(device(userAgent), name));
}
