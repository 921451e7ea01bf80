import type { Finding } from "../finding.ts";
import type { MachineFiles } from "../../../../firmware-bridge/src/machine-files.ts";

/** NVIDIA's Linux for Tegra, as /etc/nv_tegra_release names it. */
export interface L4tRelease {
  /** 36 of "R36 (release), REVISION: 4.3". */
  readonly major: number;
  /** "4.3" */
  readonly revision: string;
}

/** What kind of computer this is. */
export interface Board {
  /** "NVIDIA Jetson Orin Nano Developer Kit" */
  readonly model: string | undefined;
  readonly isJetson: boolean;
  readonly l4t: L4tRelease | undefined;
  /** Whether this process runs in a container of Docker or Podman, which shows files of its own. */
  readonly isContainer: boolean;
}

export function readBoard(files: MachineFiles): Board {
  const compatible = files.text("proc/device-tree/compatible") ?? "";
  const l4t = readL4t(files.text("etc/nv_tegra_release"));
  const vendor = files.text("sys/class/dmi/id/sys_vendor");
  const product = files.text("sys/class/dmi/id/product_name");
  const pc = [vendor, product].filter((word) => word !== undefined && word !== "").join(" ");
  return {
    model: files.text("proc/device-tree/model") ?? (pc === "" ? undefined : pc),
    isJetson: compatible.includes("nvidia,tegra") || l4t !== undefined,
    l4t,
    isContainer:
      files.text(".dockerenv") !== undefined || files.text("run/.containerenv") !== undefined,
  };
}

export function judgeBoard({ model, isJetson, l4t, isContainer }: Board): Finding[] {
  const inside = isContainer ? ", in a container" : "";
  const board: Finding =
    model === undefined
      ? { check: "board", level: "unknown", text: `this machine does not say what it is${inside}` }
      : { check: "board", level: "ok", text: `${model}${inside}` };
  return isJetson ? [board, judgeL4t(l4t, isContainer)] : [board];
}

/** Major releases of L4T and the JetPack they belong to. */
const jetPacks: Readonly<Record<number, number>> = { 32: 4, 34: 5, 35: 5, 36: 6, 38: 7, 39: 7 };
/** JetPack 4 has glibc 2.27; onnxruntime for arm64 needs 2.28. */
const oldestJetPack = 5;

function judgeL4t(l4t: L4tRelease | undefined, isContainer: boolean): Finding {
  const check = "jetpack";
  if (l4t === undefined) {
    const text = "a Jetson without /etc/nv_tegra_release";
    const mount = "# docker run -v /etc/nv_tegra_release:/etc/nv_tegra_release:ro …";
    return { check, level: "unknown", text, ...(isContainer && { fix: mount }) };
  }
  const name = `L4T R${l4t.major}.${l4t.revision}`;
  const jetPack = jetPacks[l4t.major];
  if (jetPack === undefined) {
    return { check, level: "unknown", text: `${name}, a release this version does not know` };
  }
  if (jetPack < oldestJetPack) {
    const text = `${name} (JetPack ${jetPack}): its C library is too old for onnxruntime; flash JetPack ${oldestJetPack} or newer`;
    return { check, level: "problem", text };
  }
  return { check, level: "ok", text: `${name} (JetPack ${jetPack})` };
}

function readL4t(text: string | undefined): L4tRelease | undefined {
  const match = /^# R(\d+) \(release\), REVISION: ([\d.]+)/.exec(text ?? "");
  const [, major, revision] = match ?? [];
  if (major === undefined || revision === undefined) return undefined;
  return { major: Number(major), revision };
}
