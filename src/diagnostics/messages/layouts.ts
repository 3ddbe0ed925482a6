// What can be wrong with how a program is spread: degrees, plans, stages.
import { listed, say, suggestion } from "./say.js";

const placement = (dim: number | null): string => (dim === null ? "Replicate()" : `Shard(${dim})`);

export const layoutMessages = {
  "two-degrees-auto": () =>
    say("dpReplicate and dpShard are both auto", "give one of them a number: the other is what the world size leaves"),
  "async-tensor-parallel-needs-compile": () =>
    say(
      "asyncTensorParallel cuts kernels into pieces, but compileModel is off",
      "set compileModel to true, or asyncTensorParallel to false",
    ),
  "placement-of-result": () =>
    say(
      "only parameters, buffers and fields of a batch tell how they lie: where a result lies is decided behind evaluation",
      "look at the program: dreamc ir TRAINER --after place",
    ),
  "batch-does-not-divide": (size: number, ranks: number, degrees: readonly string[], nearest: number) =>
    say(
      `batches of ${size} samples cannot be shared out to ${ranks} ranks (${listed(degrees)})`,
      `the nearest batch size that can is ${nearest}`,
    ),
  "degree-needs-hook": (trainer: string, entry: string, degree: number, hook: string) =>
    say(
      `deviceParameters.${entry} is ${degree}, but ${trainer} lacks the hook ${hook}()`,
      `write ${hook}() in ${trainer}, or set ${entry} to 1`,
    ),
  "degree-splits-nothing": (trainer: string, entry: string, degree: string, hook: string) =>
    say(
      `deviceParameters.${entry} is ${degree}, but ${trainer} splits nothing over its ranks`,
      entry === "contextParallel"
        ? `write ${hook}(mesh) in ${trainer}: parallelizeModule(this.model, mesh, PrepareModuleInput({ desiredInputLayouts: [Shard(1)] }))`
        : `name modules in a plan of ${hook}(), or set ${entry} to 1`,
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
  "comes-split-otherwise": (module: string, axis: string, said: number | null, actual: number) =>
    say(
      `the plan has the input of ${module} come as ${placement(said)} on ${axis}, but it comes as ${placement(actual)}`,
      `say so, and it is brought where it must be: inputLayouts: ${placement(actual)}; or let what is before it end otherwise`,
    ),
  "loss-of-whole-logits": (module: string) =>
    say(
      `lossParallel is on, but the logits of this loss${module === "" ? "" : ` in ${module}`} are not split over the vocabulary`,
      "let the last module leave them split: ColwiseParallel({ outputLayouts: Shard(-1) }); or set lossParallel to false",
    ),
  "parameter-split-two-ways": (paths: readonly string[], axis: string, before: number | null, now: number | null) =>
    say(
      `${listed(paths)} would lie on ${axis} as ${placement(before)} and as ${placement(now)}`,
      paths.length > 1
        ? "tied parameters are one tensor: give both modules styles that split it along one dim, such as RowwiseParallel() for an embedding and ColwiseParallel() for its head"
        : "split it once",
    ),
  "stages-do-not-share-out": (numStages: number, degree: number) =>
    say(
      `${numStages} stages for the ${degree} ranks of pipelineParallel`,
      `return ${degree} stages, or a multiple for several a rank`,
    ),
  "more-stages-than-layers": (numStages: number, numLayers: number) =>
    say(
      `${numStages} stages for a model of ${numLayers} layers`,
      `pipelineParallel times pipelineStagesPerRank can be ${numLayers} at most`,
    ),
  "microbatches-do-not-divide": (size: number, ranks: number, count: number, nearest: number) =>
    say(
      `batches of ${size} samples${ranks === 1 ? "" : ` on ${ranks} data-parallel ranks`} cannot be cut into ${count} microbatches`,
      nearest === 0
        ? "make the batch a multiple of the ranks and of pipelineMicrobatches"
        : `the nearest pipelineMicrobatches that can is ${nearest}`,
    ),
  "microbatches-not-in-groups": (count: number, degree: number, nearest: number) =>
    say(
      `interleaved stages take microbatches in groups of ${degree}, one for each rank of pipelineParallel, and ${count} are no multiple of that`,
      `the nearest pipelineMicrobatches that is one is ${nearest}`,
    ),
  "interleaved-without-stages": (schedule: string, stagesPerRank: number) =>
    say(
      stagesPerRank > 1
        ? `each rank holds ${stagesPerRank} stages, which the schedule ${schedule} does not interleave`
        : "the schedule interleaved1f1b needs several stages on each rank",
      stagesPerRank > 1 ? 'use "interleaved1f1b" or "gpipe"' : 'set pipelineStagesPerRank above 1, or use "1f1b"',
    ),
  "stages-miss-module": (path: string) =>
    say(`no stage holds ${path}`, "add it, or the module that holds it, to the stage in which it runs"),
  "stages-repeat-module": (path: string, first: number, second: number) =>
    say(
      first === second ? `stage ${first} holds ${path} twice` : `stages ${first} and ${second} both hold ${path}`,
      "name it, or the module that holds it, in one stage alone",
    ),
  "module-not-registered": (kind: string) =>
    say(
      `this ${kind} belongs to no model of the trainer`,
      "make it a field of a module, and the model a field of the trainer",
    ),
} as const;
