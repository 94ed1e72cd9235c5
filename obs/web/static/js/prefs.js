// What the reader chose and may do: theme, language, shortcuts, when they last read, and the token of this tab.

const PREFIX = "obs.";

function read(store, key) {
  // Storage can be forbidden; the page then forgets, and works.
  try { return store.getItem(PREFIX + key); } catch { return null; }
}

function write(store, key, value) {
  try { value === null ? store.removeItem(PREFIX + key) : store.setItem(PREFIX + key, value); } catch { /* forgotten */ }
}

/** Take `#token=…` out of the address before anything can see, share or log it. */
function takeToken() {
  const found = /(?:^#|&)token=([^&]+)/.exec(location.hash);
  if (!found) return;
  write(sessionStorage, "token", decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname + location.search);
}

/** @returns the reader's preferences; setting one stores it. */
export function preferences() {
  takeToken();
  const asked = new URLSearchParams(location.search).get("lang");
  return {
    /** @returns {"en"|"ko"} */
    get lang() {
      const chosen = asked ?? read(localStorage, "lang") ?? navigator.language ?? "en";
      return chosen.toLowerCase().startsWith("ko") ? "ko" : "en";
    },
    set lang(value) {
      write(localStorage, "lang", value);
      const url = new URL(location.href);
      if (!url.searchParams.has("lang")) return;
      url.searchParams.delete("lang");
      location.replace(url);
    },
    /** @returns {"dark"|"light"|""} empty: as the system */
    get theme() { return read(localStorage, "theme") ?? ""; },
    set theme(value) { write(localStorage, "theme", value || null); this.applyTheme(); },
    applyTheme() {
      if (this.theme) document.documentElement.dataset.theme = this.theme;
      else delete document.documentElement.dataset.theme;
    },
    /** Whether light is shown now. */
    get isLight() { return this.theme ? this.theme === "light" : matchMedia("(prefers-color-scheme: light)").matches; },
    get shortcuts() { return read(localStorage, "shortcuts") !== "off"; },
    set shortcuts(isOn) { write(localStorage, "shortcuts", isOn ? null : "off"); },
    get token() { return read(sessionStorage, "token") ?? ""; },
    set token(value) { write(sessionStorage, "token", value || null); },
    /** Unix ms at which the reader last pressed `Mark as read`, 0 when never. */
    get lastRead() { return Number(read(localStorage, "read") ?? 0) || 0; },
    set lastRead(at) { write(localStorage, "read", String(at)); },
    /** Anything else a panel wants to remember, by its own key. */
    get(key, fallback = "") { return read(localStorage, `panel.${key}`) ?? fallback; },
    set(key, value) { write(localStorage, `panel.${key}`, String(value)); },
  };
}
