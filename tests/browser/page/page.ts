// Gives tests the calls of @connectrpc/connect-web. A test that wants to hear of each message exposes `arrived`.
import { answer, type Call, type Options } from "./calls.ts";
import { connectWeb } from "./connect_web.ts";

declare const globalThis: { arrived?: (message: unknown) => void; answerTo?: unknown };

globalThis.answerTo = (options: Options, call: Call) => answer(connectWeb(options), call, globalThis.arrived);
