// The newest events of the stream, bounded; the live tail draws them, other panels may listen.

const KEPT = 1_000;

/** @returns a ring of event rows, oldest first */
export function tailRing() {
  let rows = [];
  let lost = 0;
  const listeners = new Set();
  return {
    get rows() { return rows; },
    /** How many were missed in between, because the page could not keep up. */
    get lost() { return lost; },
    /** @param {Object[]} more */
    add(more) {
      const last = rows.length ? rows[rows.length - 1].seq : -1;
      const fresh = more.filter((row) => row.seq > last);
      if (!fresh.length) return;
      rows = [...rows, ...fresh].slice(-KEPT);
      listeners.forEach((listener) => listener(fresh));
    },
    /** @param {number|null} count null: a sidecar that began anew, and counts anew */
    gap(count) {
      if (count === null) this.clear();
      else lost += count;
    },
    clear() { rows = []; lost = 0; listeners.forEach((listener) => listener([])); },
    /** @param {(fresh: Object[]) => void} listener @returns {() => void} */
    listen(listener) { listeners.add(listener); return () => listeners.delete(listener); },
  };
}
