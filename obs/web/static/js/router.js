// Where the reader is, in the address: `#/`, `#/issues/I-abc123`, `?bot=` behind either; `#bots` etc. are anchors.

/** @typedef {{issue: string, bot: string, anchor: string}} Route */

/** @param {string} hash @param {Route} before @returns {Route} */
export function parse(hash, before) {
  if (!hash.startsWith("#/")) return { issue: "", bot: before.bot, anchor: hash.slice(1) };
  const [path, query = ""] = hash.slice(2).split("?");
  const parts = path.split("/").map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
  return { issue: parts[0] === "issues" ? parts[1] ?? "" : "", bot: new URLSearchParams(query).get("bot") ?? "", anchor: "" };
}

/** @param {Partial<Route>} route @returns {string} */
export function href({ issue = "", bot = "" }) {
  const query = bot ? `?${new URLSearchParams({ bot })}` : "";
  return issue ? `#/issues/${encodeURIComponent(issue)}${query}` : `#/${query}`;
}

/** @param {(route: Route, before: Route) => void} changed */
export function router(changed) {
  let route = parse(location.hash || "#/", { issue: "", bot: "", anchor: "" });
  addEventListener("hashchange", () => {
    const before = route;
    route = parse(location.hash || "#/", before);
    changed(route, before);
  });
  return {
    get route() { return route; },
    /** @param {Partial<Route>} next what changes; the bot stays unless named */
    go(next) { location.hash = href({ bot: route.bot, ...next }); },
    href(next) { return href({ bot: route.bot, ...next }); },
  };
}
