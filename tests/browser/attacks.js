// What a page of somebody else can do to make a visitor's browser call an RPC. Each is done when the browser has its
// answer, save for beacons, of whose answer no page hears.
const fetched = (url, init) =>
  fetch(url, { method: "POST", credentials: "include", ...init }).then(
    () => "answered",
    () => "failed",
  );

function form(enctype) {
  return (url, message) => {
    const form = document.createElement("form");
    Object.assign(form, { action: url, method: "POST", enctype });
    // As text/plain a form sends name=value and nothing else: the name holds the message up to a last field, whose
    // value the = begins. The other types send it escaped, or in parts.
    const opened = JSON.stringify({ ...message, ignored: "" }).slice(0, -2);
    form.append(Object.assign(document.createElement("input"), { name: opened, value: '"}' }));
    document.body.append(form);
    form.submit();
  };
}

globalThis.attacks = {
  "form, text/plain": form("text/plain"),
  "form, urlencoded": form("application/x-www-form-urlencoded"),
  "form, multipart": form("multipart/form-data"),

  link(url, message) {
    location = `${url}?connect=v1&encoding=json&message=${encodeURIComponent(JSON.stringify(message))}`;
  },

  image(url, message) {
    return new Promise((done) => {
      const src = `${url}?connect=v1&encoding=json&message=${encodeURIComponent(JSON.stringify(message))}`;
      Object.assign(new Image(), { onload: () => done("answered"), onerror: () => done("failed"), src });
    });
  },

  "fetch, cors": (url, message) =>
    fetched(url, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(message) }),

  "fetch, no-cors": (url, message) => fetched(url, { mode: "no-cors", body: JSON.stringify(message) }),

  // A Blob without a type is sent without Content-Type.
  "fetch, no-cors, no type": (url, message) =>
    fetched(url, { mode: "no-cors", body: new Blob([JSON.stringify(message)]) }),

  beacon: (url, message) => navigator.sendBeacon(url, JSON.stringify(message)),

  "beacon, JSON": (url, message) =>
    navigator.sendBeacon(url, new Blob([JSON.stringify(message)], { type: "application/json" })),
};
