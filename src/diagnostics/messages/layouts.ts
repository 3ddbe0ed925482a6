// What can be wrong with how a program is spread: degrees, plans, stages.
import { say, suggestion } from "./say.js";

export const layoutMessages = {
  "two-degrees-auto": () =>
    say("dpReplicate and dpShard are both auto", "give one of them a number: the other is what the world size leaves"),
  "async-tensor-parallel-needs-compile": () =>
    say(
      "asyncTensorParallel cuts kernels into pieces, but compileModel is off",
      "set compileModel to true, or asyncTensorParallel to false",
    ),
  "degree-needs-hook": (trainer: string, entry: string, degree: number, hook: string) =>
    say(
      `deviceParameters.${entry} is ${degree}, but ${trainer} lacks the hook ${hook}()`,
      `write ${hook}() in ${trainer}, or set ${entry} to 1`,
    ),
  "plan-names-no-module": (module: string, pattern: string, near: string | null) =>
    say(
      `the plan names ${pattern}, but ${module} has no such module`,
      suggestion(near) ?? "names are paths of fields; * stands for every name at its place: blocks.*.mlp",
    ),
  "style-does-not-fit": (style: string, path: string, kind: string) =>
    say(
      `${style} takes nn.Linear and nn.Embedding, but ${path} is ${/^[AEIOU]/.test(kind) ? "an" : "a"} ${kind}`,
      "name the linear maps inside, or split its parameters with distributeTensor()",
    ),
  "module-not-registered": (kind: string) =>
    say(
      `this ${kind} belongs to no model of the trainer`,
      "make it a field of a module, and the model a field of the trainer",
    ),
} as const;
