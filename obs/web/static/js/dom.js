// Draws text and elements, and changes only what differs: focus, hover, selection and scroll survive updates.
// Strings become text nodes and nothing else, so no text from a log can ever become markup.

/** @typedef {{tag: string, ns: string, key: any, attrs: Object<string, any>, children: any[]}} Part */

const SVG = "http://www.w3.org/2000/svg";
const HTML = "http://www.w3.org/1999/xhtml";
const drawn = new WeakMap(); // element -> the parts that were drawn into it
const handlers = new WeakMap(); // element -> {event name: function}, so that listeners are bound once

function flat(children, into = []) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child !== null && child !== undefined && child !== false && child !== true && child !== "")
      into.push(typeof child === "object" ? child : String(child));
  }
  return into;
}

/**
 * Describe an element. Attributes: `key` names it among its siblings; `onclick` etc. take functions; `css` is an
 * object of custom properties set by CSSOM; `flash: true` underlines its text for a second when it changes;
 * `ref` is called with the element once it exists; false, null and undefined leave an attribute out.
 * @param {string} tag @param {?Object<string, any>} attrs @param {...any} children
 * @returns {Part}
 */
export function h(tag, attrs, ...children) {
  return { tag, ns: HTML, key: attrs?.key, attrs: attrs ?? {}, children: flat(children) };
}

/** Describe an SVG element; children are made with `svg` too. @returns {Part} */
export function svg(tag, attrs, ...children) {
  return { tag, ns: SVG, key: attrs?.key, attrs: attrs ?? {}, children: flat(children) };
}

/** Make a real element of a part. @param {Part|string} part @returns {Node} */
export function make(part) {
  if (typeof part === "string") return document.createTextNode(part);
  if (part instanceof Node) return part;
  const element = document.createElementNS(part.ns, part.tag);
  for (const [name, value] of Object.entries(part.attrs)) set(element, name, value);
  for (const child of part.children) element.append(make(child));
  drawn.set(element, part.children);
  part.attrs.ref?.(element);
  return element;
}

/** Make what is inside `element` look like `children`, touching only what differs. */
export function patch(element, ...children) {
  const after = flat(children);
  const before = drawn.get(element) ?? [];
  if (!drawn.has(element)) element.replaceChildren();
  merge(element, before, after);
  drawn.set(element, after);
}

function identity(part, index) {
  if (typeof part === "string") return `text ${index}`;
  if (part instanceof Node) return part;
  return part.key !== undefined ? `key ${part.key}` : `${part.tag} ${index}`;
}

function merge(element, before, after) {
  const nodes = [...element.childNodes];
  const known = new Map();
  before.forEach((part, index) => known.set(identity(part, index), [part, nodes[index]]));
  // What goes is taken out first: what stays then keeps its place, and with it the focus.
  const staying = new Set(after.map(identity));
  for (const [name, [, node]] of known) if (!staying.has(name) && node?.parentNode === element) node.remove();
  let place = element.firstChild;
  after.forEach((part, index) => {
    const name = identity(part, index);
    const [old, node] = known.get(name) ?? [];
    const now = node ? update(node, old, part) : make(part);
    if (node && now !== node && node.parentNode === element) {
      if (place === node) place = node.nextSibling;
      node.remove();
    }
    if (now === place) place = place.nextSibling;
    else element.insertBefore(now, place);
  });
}

function update(node, old, part) {
  if (part instanceof Node) return part;
  if (typeof part === "string") {
    if (old !== part) node.data = part;
    return node;
  }
  if (old.tag !== part.tag || old.ns !== part.ns) return make(part);
  for (const name of Object.keys(old.attrs)) if (!(name in part.attrs)) set(node, name, null);
  for (const [name, value] of Object.entries(part.attrs))
    if (old.attrs[name] !== value || name === "value" || name === "css") set(node, name, value);
  const wasText = part.attrs.flash ? node.textContent : "";
  merge(node, old.children, part.children);
  drawn.set(node, part.children);
  if (part.attrs.flash && wasText && node.textContent !== wasText) flash(node);
  return node;
}

function set(element, name, value) {
  if (name === "key" || name === "ref" || name === "flash") return;
  if (name === "style" || name === "innerHTML") throw new Error(`dom: ${name} is not for drawing; use a class.`);
  if (name === "css") {
    for (const [property, amount] of Object.entries(value ?? {})) element.style.setProperty(property, amount);
  } else if (name.startsWith("on")) {
    listen(element, name.slice(2), value);
  } else if (name === "value") {
    // A field that is being typed in belongs to the reader.
    if (element.value !== (value ?? "") && element !== document.activeElement) element.value = value ?? "";
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

function listen(element, event, handler) {
  const bound = handlers.get(element) ?? {};
  handlers.set(element, bound);
  if (!(event in bound)) element.addEventListener(event, (happened) => bound[event]?.(happened));
  bound[event] = handler;
}

function flash(element) {
  element.classList.add("just-changed");
  setTimeout(() => element.classList.remove("just-changed"), 1000);
}
