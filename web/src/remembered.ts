// The address that was typed last, so that nobody types it on each of the pages of one errand. Gone with the tab.

export const remembered = { email: "" };
