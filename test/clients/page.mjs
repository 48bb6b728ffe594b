// A page in headless Chromium that the node serves, and that opens WebSockets to the node.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const port = Number(process.argv[2]);
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const profile = mkdtempSync(join(tmpdir(), 'page-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
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
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
