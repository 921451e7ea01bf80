import { parseCommand } from "../command-options.ts";
import { motorOptionTypes, motorOptions, parseIds } from "./motor-options.ts";
import { motorPort, withBus } from "./motor-port.ts";
import { confirm, type MotorsContext } from "./motors-console.ts";
import { servoLines, surveyAll } from "./servo-table.ts";

/** Takes torque from servos, after asking: the arm falls. */
export async function release(args: readonly string[], context: MotorsContext): Promise<number> {
  const { signal, console, clock } = context;
  const parsed = parseCommand(args, { ...motorOptionTypes, ids: { type: "string" } });
  const options = motorOptions(parsed);
  const ids = parseIds(parsed.text("ids") ?? "1-6");
  const port = motorPort(options, clock, true);
  return withBus(port, options, async (bus) => {
    const before = await surveyAll(bus, ids);
    for (const line of servoLines(before)) console.print(line);
    if (before.every(({ hasTorque }) => hasTorque === false)) {
      console.print("no servo has torque: nothing was changed");
      return 0;
    }
    const question = "Without torque the arm falls. Hold it. Switch torque off?";
    if (!(await confirm(console, options.isYes, question)) || signal.aborted) {
      console.print("nothing was changed: torque is as it was");
      return signal.aborted ? 130 : 1;
    }
    const failures: string[] = [];
    for (const { id, model } of before) {
      const off = bus.writeRegister(id, model.registers.torqueEnable, 0);
      await off.catch((error: unknown) => failures.push(String(error)));
    }
    for (const line of servoLines(await surveyAll(bus, ids))) console.print(line);
    for (const failure of failures) console.print(failure);
    return failures.length === 0 ? 0 : 1;
  });
}
