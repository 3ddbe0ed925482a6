// Applies a plan: styles by the names of modules.
import type { Module } from "../nn/module.js";
import { planNamesNoModule } from "../services.js";
import type { DeviceMesh } from "./device-mesh.js";
import type { ParallelStyle } from "./parallel-styles.js";

/** Styles by name of a module inside: `attn.qProj`; a part that is `*` stands for every name: `blocks.*.mlp.upProj`. */
export type ParallelPlan = { readonly [path: string]: ParallelStyle };

/** Splits `module` over the only axis of `mesh` as `plan` says; `inputFn` is applied to `module` itself. */
export function parallelizeModule<M extends Module>(
  module: M,
  mesh: DeviceMesh,
  plan: ParallelPlan | ParallelStyle,
  { inputFn = null, outputFn = null }: { inputFn?: ParallelStyle | null; outputFn?: ParallelStyle | null } = {},
): M {
  if (isStyle(plan)) plan.apply(module, mesh);
  else {
    const inside = module.namedModules();
    for (const [pattern, style] of Object.entries(plan)) {
      const found = inside.filter(([path]) => matches(pattern, path));
      if (found.length === 0)
        planNamesNoModule(
          module,
          pattern,
          inside.map(([path]) => path).filter((path) => path !== ""),
        );
      for (const [, each] of found) style.apply(each, mesh);
    }
  }
  inputFn?.apply(module, mesh);
  outputFn?.apply(module, mesh);
  return module;
}

const isStyle = (plan: ParallelPlan | ParallelStyle): plan is ParallelStyle => typeof plan.apply === "function";

function matches(pattern: string, path: string): boolean {
  const [parts, names] = [pattern.split("."), path.split(".")];
  return parts.length === names.length && parts.every((part, i) => part === "*" || part === names[i]);
}
