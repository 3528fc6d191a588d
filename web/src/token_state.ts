import { timestampMs } from "@bufbuild/protobuf/wkt";
import { html, nothing } from "lit";
import { now } from "./clock.ts";
import type { TokenMetadata } from "./gen/tokens/v1/tokens_v1_pb.ts";
import { time } from "./times.ts";

/** `waiting`: its end was moved after it had ended, and its old value never lives again. */
export type State = "live" | "waiting" | "ended";

/** One that has just been expired ended at a moment of the service's, whose clock is known to a second or two. */
const EXACT = 2000;

export function stateOf(metadata: TokenMetadata | undefined): State {
  const end = metadata?.expiresAt;
  if (!end || timestampMs(end) <= now() + EXACT) return "ended";
  return metadata.valueHint ? "live" : "waiting";
}

const BADGES: Record<State, [string, string]> = {
  live: ["good", "live"],
  waiting: ["warn", "needs a new value"],
  ended: ["", "ended"],
};

export function badge(metadata: TokenMetadata | undefined) {
  const [look, text] = BADGES[stateOf(metadata)];
  return html`<span class="badge ${look}">${text}</span>`;
}

export function facts(metadata: TokenMetadata | undefined) {
  if (!metadata) return nothing;
  return html`
    <p class="facts">
      ${metadata.valueHint ? html`<span><code>${metadata.valueHint}…</code></span>` : nothing}
      <span>${stateOf(metadata) === "ended" ? "ended" : "ends"} ${time(metadata.expiresAt)}</span>
      <span>${metadata.lastUsedAt ? html`last used ${time(metadata.lastUsedAt)}` : "never used"}</span>
      <span>created ${time(metadata.createdAt)}</span>
      ${metadata.regeneratedAt ? html`<span>new value ${time(metadata.regeneratedAt)}</span>` : nothing}
    </p>
  `;
}
