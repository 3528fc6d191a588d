// A form: what is missing or refused is told at the field, which then has the focus; all else goes into the alarm.
// Fields are named by their path in the request, since errors name them so.

import { html, nothing, type LitElement, type ReactiveController, type TemplateResult } from "lit";
import { notices } from "./notices.ts";
import { fieldOf, problemOf, type Problem } from "./problem.ts";
import { here } from "./routes.ts";
import { leavesThePage, report } from "./trouble.ts";

/** What was typed before a sign-in was asked for, by page and form. Never passwords, and gone with the tab. */
const drafts = new Map<string, FormData>();

interface Looks {
  type?: "text" | "email" | "password" | "date";
  hint?: TemplateResult | string;
  autocomplete?: string;
  inputmode?: "numeric";
  value?: string;
  optional?: boolean;
  min?: string;
}

export class Form implements ReactiveController {
  busy = false;
  readonly errors = new Map<string, string>();
  readonly #draft: FormData | undefined;
  readonly #key: string;

  readonly #host: LitElement;
  readonly #id: string;
  readonly #send: (data: FormData) => Promise<void>;
  readonly #places: Record<string, string>;
  #element: HTMLFormElement | undefined;

  /**
   * `id` is unique in the page. `send` makes the calls and may throw what they throw. `places` are fields for reasons
   * whose errors name none.
   */
  constructor(
    host: LitElement,
    id: string,
    send: (data: FormData) => Promise<void>,
    places: Record<string, string> = {},
  ) {
    this.#host = host;
    this.#id = id;
    this.#send = send;
    this.#places = places;
    this.#key = `${here()} ${id}`;
    this.#draft = drafts.get(this.#key);
    drafts.delete(this.#key);
    host.addController(this);
  }

  hostConnected(): void {}

  readonly submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.busy) return;
    const form = (this.#element = event.currentTarget as HTMLFormElement);
    notices.clear();
    this.errors.clear();
    missing(form).forEach((name) => this.errors.set(name, "Please fill this in."));
    if (!this.errors.size) await this.#sent(form);
    this.#host.requestUpdate();
    await this.#host.updateComplete;
    form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  };

  /** Show what the fields begin with, as after a change that was taken. */
  async clear(): Promise<void> {
    this.#host.requestUpdate();
    await this.#host.updateComplete;
    this.#element?.reset();
  }

  async #sent(form: HTMLFormElement): Promise<void> {
    this.busy = true;
    this.#host.requestUpdate();
    try {
      await this.#send(new FormData(form));
    } catch (error) {
      this.#refused(problemOf(error), form);
    } finally {
      this.busy = false;
    }
  }

  #refused(problem: Problem, form: HTMLFormElement): void {
    const names = fieldsOf(form).map((field) => field.name);
    const place = this.#places[problem.reason];
    if (place) this.errors.set(place, problem.sentence);
    for (const [path, sentence] of problem.fields) {
      const name = fieldOf(path, names);
      if (name) this.errors.set(name, sentence);
    }
    if (this.errors.size) return;
    if (leavesThePage(problem)) this.#keepDraft(form);
    report(problem);
  }

  #keepDraft(form: HTMLFormElement): void {
    const draft = new FormData(form);
    for (const field of fieldsOf(form)) if (field.type === "password") draft.delete(field.name);
    drafts.set(this.#key, draft);
  }

  /** What a field begins with: what was typed before a sign-in, else this. */
  initial(name: string, value = ""): string {
    return (this.#draft?.get(name) as string | null | undefined) ?? value;
  }

  /** The same for a box that may be ticked. */
  ticked(name: string, value: string, otherwise: boolean): boolean {
    return this.#draft ? this.#draft.getAll(name).includes(value) : otherwise;
  }

  /** The ID of the element that holds a field's error. */
  errorId(name: string): string {
    return `${this.#id}-${name}-error`;
  }

  error(name: string): TemplateResult | typeof nothing {
    const error = this.errors.get(name);
    return error ? html`<p class="error" id=${this.errorId(name)}>${error}</p>` : nothing;
  }

  field(name: string, label: string, looks: Looks = {}): TemplateResult {
    const id = `${this.#id}-${name}`;
    const described = [looks.hint && `${id}-hint`, this.errors.has(name) && this.errorId(name)].filter(Boolean);
    const type = looks.type ?? "text";
    return html`
      <div class="field">
        <label for=${id}>${label}</label>
        <input
          id=${id}
          name=${name}
          type=${type}
          .defaultValue=${this.initial(name, looks.value)}
          autocomplete=${looks.autocomplete ?? "off"}
          autocapitalize="none"
          spellcheck="false"
          inputmode=${looks.inputmode ?? nothing}
          min=${looks.min ?? nothing}
          ?required=${!looks.optional}
          aria-invalid=${this.errors.has(name)}
          aria-describedby=${described.join(" ") || nothing}
        />
        ${looks.hint ? html`<p class="hint" id="${id}-hint">${looks.hint}</p>` : nothing} ${this.error(name)}
      </div>
    `;
  }

  button(label: string, danger = false): TemplateResult {
    return html`<button class=${danger ? "danger" : "primary"} aria-busy=${this.busy}>${label}</button>`;
  }
}

type Field = HTMLInputElement;

function fieldsOf(form: HTMLFormElement): Field[] {
  return [...form.elements].filter((element): element is Field => element instanceof HTMLInputElement);
}

function missing(form: HTMLFormElement): string[] {
  return fieldsOf(form)
    .filter((field) => field.required && !field.value)
    .map((field) => field.name);
}
