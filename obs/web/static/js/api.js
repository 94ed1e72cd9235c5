// Questions to the observer's HTTP API: the envelope opened, the token carried, failures with their status.

/** A request that failed: `status` is 0 when there was no answer. */
export class Refused extends Error {
  constructor(status, message, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {{token: string}} prefs */
export function api(prefs) {
  async function ask(path, { method = "GET", body, as = "json", signal } = {}) {
    const headers = { Accept: as === "json" ? "application/json" : "text/markdown" };
    if (prefs.token) headers.Authorization = `Bearer ${prefs.token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(path, { method, headers, signal, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      throw new Refused(0, String(error));
    }
    if (answer.ok && as === "text") return answer.text();
    const found = await answer.json().catch(() => null);
    if (!answer.ok || found?.success === false) throw new Refused(answer.status, found?.error?.message ?? answer.statusText, found?.error?.code);
    if (found === null) throw new Refused(answer.status, "not JSON");
    return "success" in found ? found.data : found;
  }

  return {
    /** @param {string} path relative, e.g. `api/page` @param {Object<string, string|number>} [query] */
    get: (path, query = {}, options = {}) => ask(`${path}${Object.keys(query).length ? `?${new URLSearchParams(query)}` : ""}`, options),
    text: (path, query = {}) => ask(`${path}?${new URLSearchParams(query)}`, { as: "text" }),
    post: (path, body) => ask(path, { method: "POST", body }),
    issue: (id, lang) => ask(`api/page/issues/${encodeURIComponent(id)}?${new URLSearchParams({ lang })}`),
    /** A decision of a person: `resolve`, `archive`, `reopen`, `merge` or `split`. Needs the control token. */
    decide: (id, decision, body) => ask(`api/issues/${encodeURIComponent(id)}/${decision}`, { method: "POST", body }),
  };
}
