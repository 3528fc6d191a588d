// What the console has to say beside the page: one alarm, or one piece of good news, until the next page or act.

import type { Problem } from "./problem.ts";

class Notices extends EventTarget {
  alarm = "";
  /** When another try makes sense, in milliseconds of `performance.now`. */
  until: number | undefined;
  news = "";
  #next = "";

  refuse(problem: Problem): void {
    this.#set(problem.sentence, "");
    if (problem.wait) this.until = performance.now() + problem.wait * 1000;
    this.dispatchEvent(new Event("change"));
  }

  say(news: string): void {
    this.#set("", news);
    this.dispatchEvent(new Event("change"));
  }

  /** Good news for the page that opens next. */
  later(news: string): void {
    this.#next = news;
  }

  /** Another page opens. */
  turn(): void {
    this.say(this.#next);
    this.#next = "";
  }

  clear(): void {
    this.#set("", "");
    this.dispatchEvent(new Event("change"));
  }

  #set(alarm: string, news: string): void {
    this.alarm = alarm;
    this.news = news;
    this.until = undefined;
  }
}

export const notices = new Notices();
