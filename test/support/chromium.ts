import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

import { type Browser, chromium, type Page } from "playwright-core";

const executable = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((folder) =>
    ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name)),
  )
  .find((path) => existsSync(path));

/** Options of tests in a browser: skipped where there is none. */
export const needsChromium: { readonly skip: string | false } = {
  skip: executable === undefined ? "no Chromium on the PATH" : false,
};

/** Headless, without a GPU, with a profile of its own that is deleted in the end, and silent on the network. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: executable ?? "chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens `url`; what goes wrong on the page is collected in `problems`. */
export async function openPage(
  browser: Browser,
  url: string,
): Promise<{ readonly page: Page; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(url);
  return { page, problems };
}
