// Headless Chromium with an empty profile of its own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

// Calls use(browser), then ends the browser and removes its profile.
export async function withBrowser(use) {
  const profile = mkdtempSync(join(tmpdir(), 'page-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: execFileSync(fileURLToPath(new URL('find_browser', import.meta.url)), { encoding: 'utf8' }).trim(),
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  try {
    await use(browser);
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
