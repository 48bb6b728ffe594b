// The page of the rankings in headless Chromium. The port is that of etc/config.rank, so test/demo runs it, in a network of
// its own. Arguments: 1 when the node has been started again after a first run; a file for a picture of the page.
import { withBrowser } from './browser.mjs';

const again = process.argv[2] === '1';

function check(holds, what) {
  if (!holds) throw new Error(what);
}

await withBrowser(async browser => {
  const page = await browser.newPage();
  const problems = [];
  page.on('pageerror', error => problems.push(String(error)));
  page.on('dialog', dialog => { problems.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });

  // Rows as the page shows them: "1 ada 30 note|2 ...".
  const rowsAre = want => page.waitForFunction(text =>
    [...document.querySelectorAll('#players tr')].map(row => [...row.cells].map(cell => cell.textContent).join(' ').trim())
      .join('|') === text, want);
  const noteSays = want => page.waitForFunction(text => document.getElementById('note').textContent.includes(text), want);
  const submit = async (uid, score, info = '') => {
    await page.fill('#submit [name=uid]', uid);
    await page.fill('#submit [name=score]', String(score));
    await page.fill('#submit [name=info]', info);
    await page.click('#submit button');
  };

  await page.goto('http://127.0.0.1:8090/page');
  check(await page.title() === '排行榜 ranking', 'title');
  await page.waitForSelector('#state.live');
  if (again) {
    await rowsAre('1 bob 10|2 <b>ada</b> 20.5 <script>alert(1)</script>');
    return;
  }
  await rowsAre('');
  await submit('<b>ada</b>', 20.5, '<script>alert(1)</script>');
  await noteSays('submitted');
  await rowsAre('1 <b>ada</b> 20.5 <script>alert(1)</script>');
  check(await page.locator('#players tr.mine').count() === 1, 'the own row');

  // What somebody else submits appears without a click.
  const other = await fetch('http://127.0.0.1:8090/update', {
    method: 'POST', body: JSON.stringify({ appname: 'game', tags: ['week'], uid: 'bob', score: 10 }),
  });
  check((await other.json()).code === 'OK', 'another one submits');
  await rowsAre('1 bob 10|2 <b>ada</b> 20.5 <script>alert(1)</script>');

  await submit('cyd', 1e17);
  await noteSays('BAD_REQUEST: score is not a number from -2^53 to 2^53');
  await page.fill('#which [name=tag]', 'other');
  await page.click('#which button');
  await rowsAre('');
  check(new URL(page.url()).searchParams.get('tag') === 'other', 'the address names the ranking');
  await page.reload();
  check(await page.inputValue('#which [name=tag]') === 'other', 'and the page takes it from there');

  check(problems.length === 0, problems.join('\n'));
  if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
});
