// Firefox, by WebDriver BiDi.

import puppeteer from 'puppeteer-core';

/** The program; `undefined` where there is none. */
export const firefox = process.env.PETREL_FIREFOX;

/** Firefox; it ends with the test. */
export async function launchFirefox(t, preferences = {}) {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: firefox,
    headless: true,
    // Nothing is asked of the public network.
    extraPrefsFirefox: { 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false, ...preferences },
    timeout: 120_000,
  });
  t.after(() => browser.close());
  return browser;
}
