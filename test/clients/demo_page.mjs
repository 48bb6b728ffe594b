// The demo's own page in headless Chromium, as a person would use it. The ports are the demo's, so test/demo runs it, in a
// network of its own. Arguments: how often the account has checked in before; a file for a picture of the page.
import { withBrowser } from './browser.mjs';

function check(holds, what) {
  if (!holds) throw new Error(what);
}

await withBrowser(async browser => {
  const page = await browser.newPage();
  const problems = [];
  page.on('pageerror', error => problems.push(String(error)));
  page.on('console', message => { if (message.type() === 'error') problems.push(message.text()); });
  const alerts = [];
  page.on('dialog', dialog => {
    alerts.push(dialog.message());
    return dialog.accept();
  });
  const output = () => page.inputValue('#outputBox');
  const outputIs = text => page.waitForFunction(want => document.getElementById('outputBox').value === want, text);

  await page.goto('http://127.0.0.1:8889/');
  check(await page.title() === 'WebSocket 示例', 'title');
  await page.waitForSelector('#state.open');
  // The first message may come before the player's agent; then nothing answers it.
  await page.waitForTimeout(500);

  await page.fill('#inputBox', '{"hello": ["world", 1.0]}');
  await page.click('#sendButton');
  await outputIs('{"hello": ["world", 1.0]}');

  await page.fill('#inputBox', 'no JSON');
  await page.click('#sendButton');
  check(alerts.length === 1 && alerts[0] === '请输入有效的JSON字符串', `alerts: ${alerts}`);
  check(await output() === '{"hello": ["world", 1.0]}', 'nothing was sent');

  const noteSays = text => page.waitForFunction(want => document.getElementById('note').textContent.includes(want), text);
  const times = count => `checked in ${count} times`;
  const before = Number(process.argv[2] ?? 0);

  await page.click('#signButton');
  await noteSays('need login first');
  await page.click('#loginButton');
  await noteSays(times(before));
  check(JSON.parse(await output()).name === 'sc_login', 'a log-in');
  await page.click('#signButton');
  await page.waitForFunction(want => JSON.parse(document.getElementById('outputBox').value).data?.sign_cnt === want, before + 1);
  await page.click('#logoutButton');
  await outputIs('null');
  await page.click('#loginButton');
  await noteSays(times(before + 1));
  await page.click('#logoutButton');
  await outputIs('null');

  check(await page.locator('#log .out').count() === 7, 'each message is in the log');
  check(problems.length === 0, problems.join('\n'));
  if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
});
