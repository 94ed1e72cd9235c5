// The top bar: bots with their marks and the choice of one, search, connection, clock, language, theme.

import { h, make, patch } from "../dom.js";
import { icon, mark, themeIcon } from "../marks.js";

/** @param {Object} ctx */
export function panel(ctx) {
  const { words } = ctx;
  const el = make(h("div", { class: "top-bar wide" }));
  const field = make(h("input", {
    type: "search", id: "search", class: "search-field", placeholder: words("top.search"), "aria-label": words("top.search_label"),
    autocomplete: "off", spellcheck: "false", maxlength: 200, "aria-keyshortcuts": "/",
    oninput: () => ctx.search?.ask(field.value), onfocus: () => { if (field.value) ctx.search?.ask(field.value); },
  }));
  const form = make(h("form", { class: "search", role: "search", onsubmit: (event) => { event.preventDefault(); ctx.search?.ask(field.value, true); } },
    icon("search", 14), field, h("kbd", { "aria-hidden": "true" }, "/")));
  ctx.keys.on("/", () => { field.focus(); field.select(); });
  ctx.keys.on("Escape", () => {
    if (document.activeElement !== field) return false;
    field.blur();
    return undefined;
  });

  function draw(page, state) {
    const bots = page?.bots ?? [];
    const chosen = ctx.route().bot;
    const isLost = state.kind === "lost";
    el.classList.toggle("has-many", bots.reduce((length, bot) => length + bot.name.length + 6, 0) > 60);
    patch(el,
      h("a", { class: "logo", href: "#/", "aria-label": words("top.home") }, icon("logo", 18), h("span", null, "obs")),
      h("nav", { class: "bots", "aria-label": words("top.bots") },
        h("a", { class: "bot", href: ctx.botHref(""), "aria-current": chosen ? null : "page" }, words("top.all"), " ", h("span", { class: "quiet" }, bots.length || "")),
        bots.map((bot) => h("a", { key: bot.name, class: "bot", href: ctx.botHref(bot.name), "aria-current": chosen === bot.name ? "page" : null, title: bot.mode || null },
          mark(isLost ? "unknown" : bot.mark, { size: 12, label: words(`mark.${isLost ? "unknown" : bot.mark}`) }), h("span", { class: "bot-name" }, bot.name)))),
      h("label", { class: "bot-choice" }, h("span", { class: "only-spoken" }, words("top.choose")),
        h("span", { class: "bot-chosen", "aria-hidden": "true" }, chosen || words("top.all"), " ", !chosen && bots.length ? h("span", { class: "quiet" }, bots.length) : "", icon("down", 12)),
        h("select", { onchange: (event) => { location.hash = ctx.botHref(event.target.value); } },
          h("option", { key: "", value: "", selected: !chosen }, words("top.all")),
          bots.map((bot) => h("option", { key: bot.name, value: bot.name, selected: chosen === bot.name }, `${bot.name} (${words(`mark.${isLost ? "unknown" : bot.mark}`)})`)))),
      form,
      connection(page, state),
      h("span", { class: "clock" }, ctx.format.clock(ctx.now()), " ", page && h("abbr", { class: "quiet", title: words("top.zone", { zone: page.zone }) }, page.zone)),
      choices(ctx),
    );
  }

  function connection(page, state) {
    const kind = state.kind === "loading" && state.failure ? "lost" : state.kind;
    const shape = { live: "dot", catching: "ring", slow: "diamond" }[kind] ?? "dashed";
    const more = { live: () => ctx.format.duration(state.behind, { tenths: true }),
      slow: () => words("connection.slow_by", { age: ctx.format.duration(state.behind) }),
      catching: () => words("connection.catching_by", { size: size(state.pending) }),
      lost: () => (state.lostAt ? ctx.format.duration(Date.now() - state.lostAt) : "") }[kind];
    return h("span", { class: `connection is-${kind}` }, h("span", { class: `dot dot-${shape}`, "aria-hidden": "true" }),
      h("span", null, words(`connection.${kind}`)), " ", more && h("span", { class: "quiet nowrap" }, more()));
  }

  return { el, draw };
}

/** Language and theme: in the top bar, on a phone at the page's end. */
export function choices(ctx) {
  const isLight = ctx.prefs.isLight;
  const other = ctx.lang === "ko" ? "en" : "ko";
  return h("span", { class: "choices" },
    h("span", { class: "languages", role: "group", "aria-label": ctx.words("top.language") },
      h("button", { type: "button", lang: "en", "aria-pressed": String(ctx.lang === "en"), "aria-label": "English", onclick: () => other === "en" && ctx.setLang("en") }, "EN"),
      h("span", { class: "quiet", "aria-hidden": "true" }, "·"),
      h("button", { type: "button", lang: "ko", "aria-pressed": String(ctx.lang === "ko"), "aria-label": "한국어", onclick: () => other === "ko" && ctx.setLang("ko") }, "한")),
    h("button", { type: "button", class: "theme", "aria-label": ctx.words(isLight ? "top.theme_dark" : "top.theme_light"),
      onclick: () => { ctx.prefs.theme = isLight ? "dark" : "light"; ctx.repaint(); dispatchEvent(new Event("themechange")); } }, themeIcon()));
}

function size(bytes) {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)}\u00a0MB` : `${Math.ceil(bytes / 1e3)}\u00a0kB`;
}
