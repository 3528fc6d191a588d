// Where one is stands in the fragment, `#/page?what=it&is=told`, which no browser sends: mailed links have codes there.

export interface Route {
  page: string;
  params: URLSearchParams;
}

export function parse(fragment: string): Route {
  const [page = "", query = ""] = fragment.replace(/^#?\/?/, "").split("?", 2);
  return { page, params: new URLSearchParams(query) };
}

export function address(page: string, told: Record<string, string> = {}): string {
  const query = new URLSearchParams(Object.entries(told).filter(([, value]) => value));
  return `#/${page}${query.size ? `?${query}` : ""}`;
}

/** What `parse` takes, of the page that is open. */
export function here(): string {
  return location.hash;
}

export function go(page: string, told: Record<string, string> = {}): void {
  open(address(page, told));
}

export function open(fragment: string): void {
  if (fragment === location.hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = fragment;
}

/** The page of the console that `to` names, which anybody may have written into a link; else the other. */
export function target(params: URLSearchParams, otherwise: string): string {
  const to = params.get("to") ?? "";
  return to.startsWith("#/") ? to : address(otherwise);
}

/** Open it in the place of this page, which `back` then does not lead to. */
export function openInstead(fragment: string): void {
  history.replaceState(null, "", fragment);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Keep what a link brought out of the history, where others who use this browser could find it. */
export function forget(page: string, ...names: string[]): void {
  const { params } = parse(here());
  for (const name of names) params.delete(name);
  history.replaceState(null, "", address(page, Object.fromEntries(params)));
}
