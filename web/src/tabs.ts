// All tabs of a browser share one cookie, so what one of them does to the session the others hear.

type News = { happened: "refreshed"; endsAt: number } | { happened: "signed-in" } | { happened: "signed-out" };

const channel = new BroadcastChannel("gatepost-session");

export function tell(news: News): void {
  channel.postMessage(news);
}

export function listen(heard: (news: News) => void): void {
  channel.onmessage = (event: MessageEvent<News>) => heard(event.data);
}

const LOCK = "gatepost-session";
const forGood = () => new Promise<void>(() => {});

/**
 * Whether this tab is the one that refreshes for all of them, which it then stays until it is closed; `later` is called
 * if it becomes that after all. Browsers have locks only for https and for this machine: elsewhere each tab refreshes,
 * which the service bears.
 */
export function lead(later: () => void): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((answer) => {
    const asked = navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
      answer(lock !== null);
      if (lock) return forGood();
      void navigator.locks.request(LOCK, () => {
        later();
        return forGood();
      });
      return undefined;
    });
    asked.catch(() => answer(true));
  });
}
