import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.ts";
import { fieldOf, problemOf } from "../src/problem.ts";

const info = (reason: string) => ({ desc: ErrorInfoSchema, value: { reason, domain: "gatepost" } });
const violations = (...fieldViolations: { field: string; description: string }[]) => ({
  desc: BadRequestSchema,
  value: { fieldViolations },
});
const refused = (code: Code, message: string, ...details: ConstructorParameters<typeof ConnectError>[3] & object) =>
  problemOf(new ConnectError(message, code, undefined, details));

test("each field that is named has its sentence, the first if there are two", () => {
  const problem = refused(
    Code.InvalidArgument,
    "x",
    info("INVALID_FIELD"),
    violations(
      { field: "token_metadata.name", description: "must be at most 64 characters" },
      { field: "token_permissions.scopes[3]", description: "must not be empty." },
      { field: "token_permissions.scopes[4]", description: "never told" },
    ),
  );
  assert.deepEqual([...problem.fields], [
    ["token_metadata.name", "Must be at most 64 characters."],
    ["token_permissions.scopes", "Must not be empty."],
  ]);
});

test("a rule that is a regular expression is told in words", () => {
  const violation = { field: "token_permissions.scopes[0]", description: "does not match regex pattern `^a$`" };
  const problem = refused(Code.InvalidArgument, "x", info("INVALID_FIELD"), violations(violation));
  assert.match(problem.fields.get("token_permissions.scopes") ?? "", /resource:action/);
});

test("how long to wait is told in whole seconds, rounded up", () => {
  const retry = { desc: RetryInfoSchema, value: { retryDelay: { seconds: 41n, nanos: 1 } } };
  assert.equal(refused(Code.ResourceExhausted, "x", info("THROTTLED"), retry).wait, 42);
  assert.equal(refused(Code.ResourceExhausted, "x", info("TOKEN_QUOTA")).wait, undefined);
});

test("sentences for programmers are put in words for people, others are told as they are", () => {
  assert.equal(refused(Code.ResourceExhausted, "See Retry-After", info("THROTTLED")).sentence, "Too many attempts.");
  assert.equal(refused(Code.AlreadyExists, "it is taken", info("NAME_TAKEN")).sentence, "It is taken.");
});

test("a service that does not answer has no reason", () => {
  const problem = problemOf(new TypeError("Failed to fetch"));
  assert.equal(problem.reason, "");
  assert.match(problem.sentence, /cannot be reached/);
});

test("a path belongs to the field that it is in, the innermost if there are two", () => {
  assert.equal(fieldOf("new_password.password", ["current_password", "new_password"]), "new_password");
  assert.equal(fieldOf("data.email", ["data", "data.email"]), "data.email");
  assert.equal(fieldOf("password_of_another", ["password"]), undefined);
});
