// The observer itself: what it received, what it lost and why, how far behind it is, what it costs.

import { h } from "../dom.js";
import { mark } from "../marks.js";
import { rich } from "../parts.js";
import { empty, section } from "../section.js";

/** The panel `observer`. */
export function panel(ctx) {
  const frame = section(ctx, "observer", { bones: 6 });
  const draw = (page, state) => {
    const facts = page?.observer?.facts ?? [];
    frame.draw(state, { note: ctx.words("observer.today") }, () => [
      page.observer.alert?.length ? h("p", { class: "observer-alert" }, mark(page.observer.mark), h("span", null, rich(ctx, page.observer.alert))) : "",
      !facts.length && empty(ctx.words("observer.empty")),
      h("dl", { class: "facts observer-facts" }, facts.map((fact) => h("div", { key: fact.label },
        h("dt", null, fact.mark && mark(fact.mark), h("span", { class: fact.mark ? "strong" : "" }, fact.label), fact.detail?.length ? h("span", { class: "fact-detail" }, rich(ctx, fact.detail)) : ""),
        h("dd", { class: fact.mark ? "strong" : "" }, rich(ctx, fact.value))))),
    ]);
  };
  return { el: frame.el, draw };
}
