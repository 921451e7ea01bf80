import type { UiCommand, UiCommandResult } from "../ui-messages.ts";

/** Empty when this page may only look. */
const token = document.querySelector<HTMLMetaElement>('meta[name="omp-token"]')?.content ?? "";

export const canCommand: boolean = token !== "";

/**
 * Asks robots for something and shows what came of it. The request leaves before anything is drawn, and also when the page is closed
 * at once.
 */
export async function command(
  kind: UiCommand,
  robots: readonly string[],
  show: (text: string, isGood: boolean) => void,
): Promise<void> {
  const answer = fetch("/command", {
    method: "POST",
    headers: { "content-type": "application/json", "x-omp-token": token },
    body: JSON.stringify({ kind, robots }),
    keepalive: true,
    priority: "high",
  });
  show(
    `${kind}: asked ${robots.length === 1 ? (robots[0] ?? "") : `${robots.length} robots`} …`,
    true,
  );
  try {
    const response = await answer;
    if (!response.ok) {
      show(`${kind} FAILED: ${await response.text()}`, false);
      return;
    }
    const results: readonly UiCommandResult[] = await response.json();
    const others = results.filter(({ outcome }) => outcome !== "done");
    const first = others[0];
    if (first === undefined) show(`${kind}: done by ${results.length}`, true);
    else {
      const rest = others.length > 1 ? `, and ${others.length - 1} more` : "";
      show(`${kind}: ${first.robot} ${first.outcome} ${first.detail}${rest}`, false);
    }
  } catch (error) {
    show(`${kind} FAILED: ${error instanceof Error ? error.message : String(error)}`, false);
  }
}

/** Acts when it is pressed, not when it is let go: a stop must not wait for a finger. */
export function stopButton(
  button: HTMLButtonElement,
  robots: () => readonly string[],
  show: (text: string, isGood: boolean) => void,
): void {
  button.disabled = !canCommand;
  let pressedAt = Number.NEGATIVE_INFINITY;
  const press = (): void => {
    // A pointer press is followed by its click.
    if (performance.now() - pressedAt < 500) return;
    pressedAt = performance.now();
    void command("stop", robots(), show);
  };
  button.addEventListener("pointerdown", press);
  button.addEventListener("click", press);
}
