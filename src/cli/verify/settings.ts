// `--set key=value`, also of values that shape tensors.
import { nearestName } from "../../diagnostics/nearest-name.js";
import type { UnknownSettings } from "../../phases/1-evaluate/evaluate.js";
import type { ConfigSettings } from "../../phases/1-evaluate/trace/config.js";
import { UsageError } from "../usage-error.js";

/** The last one of a key counts. Throws a UsageError. */
export const parseSettings = (texts: readonly string[]): ConfigSettings =>
  new Map(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new UsageError(`--set takes key=value, not "${text}"`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );

/** What is wrong with settings that the config has no entries for. */
export function refuseUnknown({ unknown: [name = ""], known }: UnknownSettings): UsageError {
  const nearest = nearestName(name, known);
  return new UsageError(
    `the config has no ${name}`,
    nearest === null ? `it has ${known.join(", ")}` : `did you mean ${nearest}?`,
  );
}
