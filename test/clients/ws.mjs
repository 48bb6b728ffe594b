// The ws package: text and binary, with and without compression offered, pings, closes; over ws and wss.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';
import { close, echo, equal, open, port, test } from './tools.mjs';

for (const [scheme, at] of [['ws', 3], ['wss', 4]]) {
  const url = `${scheme}://127.0.0.1:${port + at}/path?query`;
  for (const perMessageDeflate of [false, true]) {
    const kind = `${scheme}${perMessageDeflate ? ', compression offered' : ''}`;
    await test(`${kind}: text and binary of many sizes`, async () => {
      const ws = await open(url, { perMessageDeflate });
      equal(ws.extensions, '');
      equal(await echo(ws, 'hello'), false);
      equal(await echo(ws, 'žluťoučký kůň 你好'), false);
      for (const n of [0, 1, 125, 126, 127, 65535, 65536, 262144]) equal(await echo(ws, randomBytes(n)), true);
      await close(ws, 1000, 'done');
    });
    await test(`${kind}: 500 messages in flight come back in order`, async () => {
      const ws = await open(url, { perMessageDeflate });
      const got = [];
      const all = new Promise(resolve => ws.on('message', data => {
        got.push(data.toString());
        if (got.length === 500) resolve();
      }));
      for (let i = 0; i < 500; i++) ws.send(`message ${i}`);
      await all;
      equal(got.join(), Array.from({ length: 500 }, (_, i) => `message ${i}`).join());
      await close(ws);
    });
  }
  await test(`${scheme}: fragments are joined`, async () => {
    const ws = await open(url);
    // both may come at once, so both are waited for from the start
    const answers = Promise.all([once(ws, 'pong'), once(ws, 'message')]);
    ws.send('frag', { fin: false });
    ws.ping('between');
    ws.send('men', { fin: false });
    ws.send('ted', { fin: true });
    const [[pong], [back]] = await answers;
    equal(pong.toString(), 'between');
    equal(back.toString(), 'fragmented');
    await close(ws);
  });
  await test(`${scheme}: the server's ping is answered`, async () => {
    const ws = await open(url);
    ws.send('ping me');
    const [back] = await once(ws, 'message');
    equal(back.toString(), 'ponged');
    await close(ws);
  });
  await test(`${scheme}: the server's close has its code and reason`, async () => {
    const ws = await open(url);
    ws.send('close me');
    const [code, reason] = await once(ws, 'close');
    equal(`${code} ${reason}`, '4001 as you say');
  });
  await test(`${scheme}: a message that is too large ends the connection`, async () => {
    const ws = await open(url);
    ws.on('error', () => {});
    ws.send(Buffer.alloc(262145));
    const [code] = await once(ws, 'close');
    equal(code, 1006);
  });
  await test(`${scheme}: 100 clients at once`, async () => {
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const ws = await open(url);
      await echo(ws, `client ${i}`);
      await close(ws);
    }));
  });
}
await test('a server that cannot speak it answers with HTTP', async () => {
  const ws = new WebSocket(`ws://127.0.0.1:${port + 1}/none`);
  const [error] = await once(ws, 'error');
  equal(error.message, 'Unexpected server response: 404');
});
await test('sub-protocols that are not known are refused', async () => {
  const ws = new WebSocket(`ws://127.0.0.1:${port + 3}/`, ['strange']);
  const [error] = await once(ws, 'error');
  equal(error.message, 'Unexpected server response: 400');
  const chat = await open(`ws://127.0.0.1:${port + 3}/`);
  await close(chat);
});
