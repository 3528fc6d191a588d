// Times and spans in words.

/** Each unit's length in seconds, and from how many of them on it is the one to say. */
const UNITS: [Intl.RelativeTimeFormatUnit, number, number][] = [
  ["year", 31_557_600, 0.995],
  ["month", 2_629_800, 1.995],
  ["day", 86_400, 0.995],
  ["hour", 3600, 0.995],
  ["minute", 60, 0.995],
];
const RELATIVE = new Intl.RelativeTimeFormat("en");
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });

/** `in 3 days`, `2 hours ago`, `just now`. */
export function relative(at: number, now: number): string {
  const seconds = (at - now) / 1000;
  for (const [unit, length, from] of UNITS) {
    if (Math.abs(seconds) >= length * from) return RELATIVE.format(Math.round(seconds / length), unit);
  }
  return seconds > 5 ? "in less than a minute" : "just now";
}

export function exact(at: number): string {
  return EXACT.format(at);
}

export function day(at: number): string {
  return DAY.format(at);
}

/** `4 minutes`, `1 second`: rounded up, since it is how long to wait. */
export function duration(seconds: number): string {
  const [count, unit] = seconds > 120 ? [Math.ceil(seconds / 60), "minute"] : [Math.ceil(seconds), "second"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
