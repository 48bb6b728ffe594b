// A page in headless Chromium that the node serves, and that opens WebSockets to the node.
import { withBrowser } from './browser.mjs';

const port = Number(process.argv[2]);

await withBrowser(async browser => {
  // The Lua gate and the native one: the offsets of their ports.
  for (const [name, offset] of [['http.websocket', 3], ['wsgate', 6]]) {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port + 1}/page?${offset}`);
    console.log(`${(await page.title()) === 'page' ? 'ok' : 'not ok'} - ${name}: the page is served`);
    await page.waitForFunction(() => document.getElementById('log').textContent.includes('close'), null, { timeout: 20000 });
    const log = (await page.textContent('#log')).trim().split('\n');
    const want = ['open', 'echo hello from the page', 'binary 100000 true', 'close true'];
    want.forEach((line, i) => {
      console.log(log[i] === line ? `ok - ${name}: ${line}` : `not ok - ${name}: ${line}\n# got ${log[i]}`);
    });
  }
});
