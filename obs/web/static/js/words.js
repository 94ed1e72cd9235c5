// The page's own labels (headings, buttons, states) in the reader's language; all else in words comes from the server.

/**
 * @callback Words
 * @param {string} key e.g. `issues.heading`; with `{count: 1}` the form `issues.heading.one` is taken when there is one
 * @param {Object<string, string|number>} [values] what stands for `{name}` in the words
 * @returns {string}
 */

/** Read the words of one language. @param {"en"|"ko"} lang @returns {Promise<Words>} */
export async function readWords(lang) {
  const answer = await fetch(new URL(`../words/${lang}.json`, import.meta.url));
  const table = await answer.json();
  return (key, values = {}) => {
    const one = values.count === 1 || values.count === "1" ? table[`${key}.one`] : undefined;
    // A missing word shows its key: a hole that is seen is mended.
    return (one ?? table[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  };
}
