import assert from "node:assert/strict";
import { test } from "node:test";
import { address, parse } from "../src/routes.ts";

test("a mailed link brings its page and what it tells", () => {
  const { page, params } = parse("#/verify-email?email=ada%2Bmail%40example.com&code=01234567");
  assert.equal(page, "verify-email");
  assert.deepEqual(Object.fromEntries(params), { email: "ada+mail@example.com", code: "01234567" });
  assert.deepEqual([parse("").page, parse("#/").page, parse("#/tokens").page], ["", "", "tokens"]);
});

test("an address is read as it was written, and leaves out what is empty", () => {
  const { page, params } = parse(address("sign-in", { to: "#/token?id=1&x=2", because: "" }));
  assert.deepEqual([page, Object.fromEntries(params)], ["sign-in", { to: "#/token?id=1&x=2" }]);
});
