import { surveyServo, type ServoSurvey } from "../../../firmware-bridge/src/servo/index.ts";
import { parseCommand } from "../command-options.ts";
import { motorOptionTypes, motorOptions, parseIds } from "./motor-options.ts";
import { motorPort, withBus } from "./motor-port.ts";
import type { MotorsContext } from "./motors-console.ts";
import { servoLines } from "./servo-table.ts";

/** Asks who is on the bus. Reads only. */
export async function scan(args: readonly string[], context: MotorsContext): Promise<number> {
  const { signal, console, clock } = context;
  const parsed = parseCommand(args, { ...motorOptionTypes, ids: { type: "string" } });
  const options = motorOptions(parsed);
  const ids = parseIds(parsed.text("ids") ?? "1-20");
  const port = motorPort(options, clock);
  const found: ServoSurvey[] = [];
  await withBus(port, options, async (bus) => {
    for (const id of ids) {
      if (signal.aborted) break;
      console.status(`asking ${id}`);
      const survey = await surveyServo(bus, id);
      if (survey !== undefined) found.push(survey);
    }
  });
  if (signal.aborted) return 130;
  if (found.length === 0) {
    console.print(
      `no ${options.family} servo answers at ${options.baudRate} Bd among ids ${ids[0]} to ${ids.at(-1)}: ` +
        "check power and cable, or try --baud, --family or --ids 0-252",
    );
    return 1;
  }
  for (const line of servoLines(found)) console.print(line);
  return 0;
}
