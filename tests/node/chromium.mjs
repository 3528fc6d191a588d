// Unpacks the Chromium of @sparticuz/chromium, with its libraries and fonts, into the folder in TMPDIR. The package
// means to do that for the cloud it is made for, and there starts the browser with its protections off;
// tests/browser/chromium.py starts it.
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { inflate } from "@sparticuz/chromium";

const packed = fileURLToPath(new URL("../bin/", import.meta.resolve("@sparticuz/chromium")));
for (const archive of await readdir(packed)) await inflate(packed + archive);
