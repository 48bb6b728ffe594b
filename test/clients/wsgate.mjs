// The ws package against the native gate, which echoes everything as binary messages: over ws and wss, with and
// without permessage-deflate.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { close, echo, equal, open, port, test } from './tools.mjs';

// Compresses well, but not to nothing.
function compressible(size) {
  const words = Buffer.alloc(size);
  for (let i = 0; i < size; i++) words[i] = 97 + ((i * i) >> 5) % 13;
  return words;
}

const variants = [
  [false, ''],
  [true, 'permessage-deflate'],
  [{ serverNoContextTakeover: true, clientNoContextTakeover: true }, 'permessage-deflate; no context'],
];

for (const [scheme, at] of [['ws', 6], ['wss', 7]]) {
  const url = `${scheme}://127.0.0.1:${port + at}/path?query`;
  for (const [perMessageDeflate, label] of variants) {
    const kind = label ? `${scheme}, ${label}` : scheme;
    const options = { perMessageDeflate: perMessageDeflate && { threshold: 0, ...perMessageDeflate } };
    await test(`${kind}: messages of many sizes`, async () => {
      const ws = await open(url, options);
      equal(ws.extensions.startsWith('permessage-deflate'), Boolean(perMessageDeflate));
      equal(await echo(ws, 'hello'), true);
      await echo(ws, 'žluťoučký kůň 你好');
      for (const n of [1, 125, 126, 127, 4095, 4096, 4097, 65535, 65536, 500000, 1048576]) {
        await echo(ws, randomBytes(n));
        await echo(ws, compressible(n));
        await echo(ws, Buffer.alloc(n));
      }
      const [code] = await close(ws, 1000, 'done');
      equal(code, 1000);
    });
    await test(`${kind}: 500 messages in flight come back in order`, async () => {
      const ws = await open(url, options);
      const got = [];
      const all = new Promise(resolve => ws.on('message', data => {
        got.push(data.toString());
        if (got.length === 500) resolve();
      }));
      const want = Array.from({ length: 500 }, (_, i) => `message ${i} ${'x'.repeat(i * 7)}`);
      for (const message of want) ws.send(message);
      await all;
      equal(got.join(), want.join());
      await close(ws);
    });
    await test(`${kind}: fragments are joined around a ping`, async () => {
      const ws = await open(url, options);
      ws.send('frag', { fin: false });
      ws.ping('between');
      ws.send('men', { fin: false });
      ws.send('ted', { fin: true });
      const [[pong], [back]] = await Promise.all([once(ws, 'pong'), once(ws, 'message')]);
      equal(pong.toString(), 'between');
      equal(back.toString(), 'fragmented');
      await close(ws);
    });
    await test(`${kind}: a message that inflates beyond the limit ends the connection`, async () => {
      const ws = await open(url, options);
      ws.on('error', () => {});
      ws.send(Buffer.alloc(1048577));
      const [code] = await once(ws, 'close');
      if (code !== 1009 && code !== 1006) throw new Error(`code ${code}`);
    });
  }
  await test(`${scheme}: kicked with a close frame`, async () => {
    const ws = await open(url);
    ws.send('kick me');
    const [code] = await once(ws, 'close');
    equal(code, 1000);
  });
  await test(`${scheme}: 100 clients at once`, async () => {
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const ws = await open(url, { perMessageDeflate: i % 2 === 0 });
      for (let n = 0; n < 5; n++) await echo(ws, `client ${i} ${n}`);
      await close(ws);
    }));
  });
  await test(`${scheme}: clients that vanish leave the others alone`, async () => {
    const stays = await open(url);
    for (let i = 0; i < 20; i++) {
      const ws = await open(url, { perMessageDeflate: i % 2 === 0 });
      ws.send(Buffer.alloc(100000));
      ws.terminate();
    }
    await echo(stays, 'still here');
    await close(stays);
  });
}
