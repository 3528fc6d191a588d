// A page on localhost that calls 127.0.0.1 is cross-site: the browser would keep no cookie for it.
export default { server: { host: "127.0.0.1", port: 5173, strictPort: true } };
