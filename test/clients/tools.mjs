// What the WebSocket clients share.
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import WebSocket from 'ws';

export const port = Number(process.argv[2]);
const ca = readFileSync(process.argv[3]);

function report(name, problem) {
  console.log(problem ? `not ok - ${name}\n# ${problem}` : `ok - ${name}`);
}

export async function test(name, body) {
  try {
    await Promise.race([
      body(),
      new Promise((_, reject) => setTimeout(() => reject(new Error('timed out')), 15000).unref()),
    ]);
    report(name);
  } catch (error) {
    report(name, error.message);
  }
}

export function equal(got, want) {
  if (got !== want) throw new Error(`got ${got}, want ${want}`);
}

export async function open(url, options) {
  const ws = new WebSocket(url, { ca, ...options });
  await once(ws, 'open');
  return ws;
}

// The next message and whether it is binary; an error if the connection ends first.
export async function nextMessage(ws) {
  const done = new AbortController();
  try {
    return await Promise.race([
      once(ws, 'message', { signal: done.signal }),
      once(ws, 'close', { signal: done.signal }).then(([code]) => {
        throw new Error(`closed with ${code} instead of a message`);
      }),
    ]);
  } finally {
    done.abort();
  }
}

// Sends and expects the same bytes; the message that came.
export async function echo(ws, data) {
  ws.send(data);
  const [back, isBinary] = await nextMessage(ws);
  if (Buffer.compare(back, Buffer.from(data)) !== 0) throw new Error('other bytes came back');
  return isBinary;
}

export async function close(ws, code, reason) {
  ws.close(code, reason);
  return once(ws, 'close');
}
