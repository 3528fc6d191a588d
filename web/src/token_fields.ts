// What a token may do and how long it lives, as parts of a form.

import { timestampFromMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { html, nothing, type TemplateResult } from "lit";
import { now } from "./clock.ts";
import type { Form } from "./form.ts";
import { day } from "./spans.ts";

export const NAME = "token_metadata.name";
const END = "token_metadata.expires_at";
const DATE = `${END}.date`;
/** The field of those that are typed, which alone can be refused; the other boxes are ticked. */
const SCOPES = "token_permissions.scopes";
const KNOWN_SCOPES = "known_scopes";

const DAY = 86_400_000;
/** Clocks differ a little, and a preset may be the longest life that the service allows. */
const LESS = 60_000;
const KEEP = "keep";
const PRESETS = [7, 30, 90];

const KNOWN: [string, string][] = [
  ["account:read", "read your name and address"],
  ["tokens:read", "list your tokens, never their values"],
  ["tokens:manage", "create, change and end tokens that may do no more than itself"],
];

/** `keeps`: the end that the token has, which may stay. */
export function expiryFields(form: Form, keeps?: number): TemplateResult {
  const chosen = form.initial(END, keeps === undefined ? "30" : KEEP);
  const failed = form.errors.has(END);
  const choice = (value: string, label: TemplateResult | string) => html`
    <label class="choice">
      <input type="radio" name=${END} value=${value} ?checked=${chosen === value} aria-invalid=${failed} />
      <span>${label}</span>
    </label>
  `;
  return html`
    <fieldset aria-describedby=${failed ? form.errorId(END) : nothing}>
      <legend>Ends</legend>
      <div class="choices">
        ${keeps === undefined ? nothing : choice(KEEP, `as it is, ${day(keeps)}`)}
        ${PRESETS.map((days) => choice(String(days), `in ${days} days`))} ${choice("date", "on a date")}
      </div>
      <div class="on-a-date">
        ${form.field(DATE, "Date", { type: "date", optional: true, min: isoDay(now()), hint: "The end of that day." })}
      </div>
      ${form.error(END)}
    </fieldset>
  `;
}

/** The end that was chosen; undefined if the token keeps its own. An empty date has ended before it began. */
export function chosenEnd(data: FormData): Timestamp | undefined {
  const chosen = String(data.get(END));
  if (chosen === KEEP) return undefined;
  if (chosen !== "date") return timestampFromMs(now() + Number(chosen) * DAY - LESS);
  const end = new Date(`${String(data.get(DATE))}T23:59:59`).getTime();
  return timestampFromMs(Number.isNaN(end) ? 0 : end);
}

export function scopeFields(form: Form, has: readonly string[]): TemplateResult {
  const known = KNOWN.map(([scope]) => scope);
  const more = has.filter((scope) => !known.includes(scope)).join(" ");
  return html`
    <fieldset>
      <legend>May</legend>
      ${KNOWN.map(
        ([scope, meaning]) => html`
          <label class="choice">
            <input
              type="checkbox"
              name=${KNOWN_SCOPES}
              value=${scope}
              ?checked=${form.ticked(KNOWN_SCOPES, scope, has.includes(scope))}
            />
            <span>${meaning} <code>${scope}</code></span>
          </label>
        `,
      )}
      ${form.field(SCOPES, "Further scopes", {
        optional: true,
        value: more,
        hint: html`Of your own services, such as <code>orders:read</code>, with spaces between them. A token without any
          scope may read your account and list your tokens.`,
      })}
    </fieldset>
  `;
}

export function chosenScopes(data: FormData): string[] {
  const more = String(data.get(SCOPES)).split(/[\s,]+/);
  return [...new Set([...data.getAll(KNOWN_SCOPES).map(String), ...more])].filter(Boolean);
}

/** In the time zone of whoever looks, as date fields have it. */
function isoDay(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}
