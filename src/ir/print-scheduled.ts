// The text of a scheduled program: where every byte lies, and what a rank does in order. For people; nothing reads it back.
import { rankAxes } from "./placement.js";
import type {
  Amount,
  Buffer,
  Kernel,
  Launch,
  LaunchOrigin,
  Place,
  ScheduledGraph,
  ScheduledProgram,
  StateHome,
} from "./scheduled.js";

/** A launch that works on memory: all operands with where they begin. */
type Operands = readonly { readonly place: Place; readonly offset: Amount }[];

export function printScheduled({ program, variants, states, graphs }: ScheduledProgram): string {
  const sections = [
    [
      `scheduled program ${program.name} of ${program.file}`,
      ...variants.flatMap(({ degrees, areas }, i) => {
        const mesh = rankAxes.map((axis) => `${axis} ${degrees[axis]}`).join(", ");
        return areas.map(({ stateBytes, arenaBytes, offloadedBytes }, place) => {
          const where = areas.length > 1 ? `${mesh}, at place ${place} of pp` : mesh;
          const offloaded = offloadedBytes > 0 ? ` (the last ${offloadedBytes} in host memory)` : "";
          return `variant ${i}: ${where}; state ${stateBytes} bytes${offloaded}, arena ${arenaBytes} bytes`;
        });
      }),
    ],
    states.map(printState),
    ...[...graphs.values()].map(printScheduledGraph),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** Numbers that are equal in every variant are one number. */
const showAmount = (amount: Amount): string =>
  amount.every((n) => n === amount[0]) ? String(amount[0]) : `(${amount.join("|")})`;

const printState = ({ state, buffer, localShapes }: StateHome): string => {
  const at = buffer.home.kind === "state" ? showAmount(buffer.home.offset) : buffer.home.kind;
  const shapes = [...new Set(localShapes.map((shape) => `[${shape.join(", ")}]`))].join("|");
  return `${state.kind} ${state.name}: ${buffer.dtype}${shapes} at byte ${at}`;
};

export function printScheduledGraph({ name, buffers, launches }: ScheduledGraph): readonly string[] {
  return [
    `graph ${name} {`,
    ...buffers.filter(({ home }) => home.kind !== "state").map((buffer) => `  ${printBuffer(buffer)}`),
    ...launches.flatMap(printLaunch).map((line) => `  ${line}`),
    "}",
  ];
}

function printBuffer({ name, dtype, numElements, home }: Buffer): string {
  const where = "offset" in home ? `${home.kind} at byte ${showAmount(home.offset)}` : home.kind;
  return `buffer ${name}: ${dtype} x ${showAmount(numElements)}, ${where}`;
}

function printLaunch(launch: Launch): readonly string[] {
  switch (launch.kind) {
    case "kernel":
      return [`${printKernel(launch.kernel, launch.operands)}${comment(launch.kernel.from)}`];
    case "table":
      return [
        `table of ${launch.rows.length}${comment(launch.kernel.from)} {`,
        ...launch.rows.map(({ size, operands }) => `  ${showAmount(size)}: ${printKernel(launch.kernel, operands)}`),
        "}",
      ];
    case "call": {
      const sizes = launch.sizes.map(({ group, size }) => `${group} ${showAmount(size)}`).join(", ");
      const operands = launch.operands.map(
        ({ name, role, place, offset }) => `${role} ${name} = ${showAt(place, offset)}`,
      );
      const workspace = launch.workspace === null ? [] : [`workspace ${launch.workspace.name}`];
      return [`call ${launch.symbol} [${sizes}] ${[...operands, ...workspace].join(", ")}${comment([launch.from])}`];
    }
    case "collective": {
      const parts = launch.parts.map(
        ({ source, target, numElements }) =>
          `${showAt(source.place, source.offset)} -> ${showAt(target.place, target.offset)} x ${showAmount(numElements)}`,
      );
      return [
        `${launch.what} ${transferText(launch) ?? launch.reduction} over ${launch.axis} #${showHandle(launch)}: ${parts.join(", ")}${comment([launch.from])}`,
      ];
    }
    case "wait":
      return [`wait ${launch.axis} #${showHandle(launch)}`];
    case "loop":
      return [
        `loop ${launch.loop}: ${launch.count} times ${launch.name} {`,
        ...launch.body.flatMap(printLaunch).map((line) => `  ${line}`),
        "}",
      ];
    case "observe":
      return [`observe ${launch.label} = ${showAt(launch.view.place, launch.view.offset)}`];
  }
}

const transferText = ({ what, transfer }: Extract<Launch, { kind: "collective" }>): string | null =>
  transfer ? `${what === "send" ? "to" : "from"} ${transfer.peer} as ${transfer.channel}` : null;

/** `4+(i+1)%2`: the handle in round i, where it differs. */
const showHandle = ({ handle, stagger }: Extract<Launch, { kind: "collective" | "wait" }>): string => {
  if (!stagger) return String(handle);
  const round = stagger.ahead === 0 ? "i" : `(i${stagger.ahead < 0 ? "" : "+"}${stagger.ahead})`;
  return stagger.numHandles === 1 ? String(handle) : `${handle}+${round}%${stagger.numHandles}`;
};

function printKernel(kernel: Kernel, operands: Operands): string {
  const letters = (given: Kernel["outer"]): string =>
    given.map(({ letter, size }) => `${letter} ${showAmount(size)}`).join(", ");
  const inner = kernel.inner.length === 0 ? "" : `; ${letters(kernel.inner)}`;
  const parts = kernel.operands.map(({ name, role }, i) => {
    const { place, offset } = operands[i]!;
    return `${role} ${name} = ${showAt(place, offset)}`;
  });
  return `kernel ${kernel.name} [${letters(kernel.outer)}${inner}] ${parts.join(", ")}`;
}

const showAt = (place: Place, offset: Amount): string => {
  const start = showAmount(offset);
  const name = place.kind === "buffer" ? place.name : `${place.items.map(showName).join("|")} by round ${place.loop}`;
  return start === "0" ? name : `${name}+${start}`;
};

const showName = (place: Place): string => (place.kind === "buffer" ? place.name : place.items.map(showName).join("|"));

function comment(from: readonly LaunchOrigin[]): string {
  const ops = [...new Set(from.map(({ scope, op }) => (scope === "" ? op : `${scope}: ${op}`)))];
  return ops.length === 0 ? "" : `  // ${ops.join(", ")}`;
}
