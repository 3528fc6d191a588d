// Asks before an act that cannot be undone.

import { html, render } from "lit";

interface Question {
  title: string;
  text: string;
  act: string;
}

let asked = 0;

/** Whether the act is confirmed. Escape is a no, and the focus goes back to where it was. */
export function confirmed({ title, text, act }: Question): Promise<boolean> {
  const dialog = document.createElement("dialog");
  const id = `question-${++asked}`;
  dialog.setAttribute("aria-labelledby", id);
  dialog.setAttribute("aria-describedby", `${id}-text`);
  render(
    html`
      <h2 id=${id}>${title}</h2>
      <p id="${id}-text">${text}</p>
      <div class="actions">
        <button type="button" autofocus @click=${() => dialog.close()}>Cancel</button>
        <button type="button" class="danger" @click=${() => dialog.close("yes")}>${act}</button>
      </div>
    `,
    dialog,
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    });
  });
}
