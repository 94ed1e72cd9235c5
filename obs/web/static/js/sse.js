// Reads a server-sent event stream by fetch: unlike EventSource it can carry a token, and tells why it failed.

/**
 * @typedef {{event: string, id: string, data: string}} Message
 * Split what has arrived into whole messages.
 * @param {string} buffer @returns {[Message[], string]} the messages and the unfinished rest
 */
export function split(buffer) {
  const blocks = buffer.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  return [blocks.map(message).filter((found) => found !== null), rest];
}

function message(block) {
  const found = { event: "message", id: "", data: [] };
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "data") found.data.push(value);
    else if (field === "event" || field === "id") found[field] = value;
  }
  return found.data.length ? { ...found, data: found.data.join("\n") } : null;
}

/**
 * Read one connection to its end.
 * @param {string} path @param {{headers: Object<string, string>, signal: AbortSignal, onMessage: (message: Message) => void, onOpen: () => void}} options
 * @throws {{status: number}} when the answer is no stream; a network error when there is no answer
 */
export async function readStream(path, { headers, signal, onMessage, onOpen }) {
  const answer = await fetch(path, { headers: { Accept: "text/event-stream", ...headers }, signal, cache: "no-store" });
  if (!answer.ok || !answer.body) throw Object.assign(new Error(`stream: ${answer.status}`), { status: answer.status });
  onOpen();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const [messages, rest] = split(buffer + value);
    buffer = rest;
    messages.forEach(onMessage);
  }
}
