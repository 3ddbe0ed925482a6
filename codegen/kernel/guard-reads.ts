// Reads at computed places are in bounds only where a choice says so. Where that choice is the same all along a loop, the
// place is chosen instead of the read: the read needs no branch then, and the loop stays one that can be vectorized.
import { isAlways } from "./amount.js";
import type { LoopLetter } from "./loop-letters.js";
import {
  argumentsOf,
  type InputNode,
  nodesBelow,
  readsComputedPlaces,
  type ScalarNode,
  type ScalarNodes,
} from "./scalar-node.js";
import type { Stages, StorePass } from "./stages.js";

/** The same stages, and the reads in them that are in bounds in any case. */
export function guardReads(stages: Stages, innermost: LoopLetter): { stages: Stages; safe: ReadonlySet<ScalarNode> } {
  const safe = new Set<ScalarNode>();
  const guard = (node: ScalarNode): ScalarNode => guardNode(node, stages.nodes, innermost, safe);
  const store = (pass: StorePass): StorePass => ({ ...pass, value: guard(pass.value) });
  return {
    stages: {
      ...stages,
      stages: stages.stages.map(({ before, reduces, stores }) => ({
        before: before.map(store),
        reduces: reduces.map((pass) => ({ ...pass, of: guard(pass.of) })),
        stores: stores.map(store),
      })),
      after: stages.after.map(store),
      roots: stages.roots.map(guard),
    },
    safe,
  };
}

/** Whether a node's value changes along a loop. */
export function dependsOn(node: ScalarNode, loop: LoopLetter): boolean {
  if (node.kind === "index") return loop.letters.includes(node.letter);
  if (node.kind === "input" && !node.at) return !isAlways(loop.strides[node.operand]!, 0);
  return argumentsOf(node).some((arg) => dependsOn(arg, loop));
}

/** What a node is made of that changes from point to point. */
const leavesOf = (node: ScalarNode): ReadonlySet<ScalarNode> =>
  new Set(nodesBelow([node]).filter(({ kind }) => kind === "index" || kind === "input" || kind === "name"));

function guardNode(root: ScalarNode, nodes: ScalarNodes, innermost: LoopLetter, safe: Set<ScalarNode>): ScalarNode {
  const computed = new Map<ScalarNode, boolean>();
  const visit = (node: ScalarNode, guards: readonly ScalarNode[]): ScalarNode => {
    if (!readsComputedPlaces(node, computed)) return node;
    if (node.kind === "input") {
      const at = node.at!.map((index) => visit(index, guards));
      return guarded({ ...node, at } as InputNode, guards);
    }
    if (node.kind !== "apply") return node;
    if (node.fn !== "select") {
      return nodes.apply(
        node.fn,
        node.args.map((arg) => visit(arg, guards)),
      );
    }
    const [condition, then, otherwise] = node.args as [ScalarNode, ScalarNode, ScalarNode];
    const asked = visit(condition, guards);
    const not = nodes.apply("not", [asked]);
    return nodes.apply("select", [asked, visit(then, [...guards, asked]), visit(otherwise, [...guards, not])]);
  };
  /** A guard is about the indices that share something with it; the others are in bounds anyhow, as place 0 always is. */
  const guarded = (read: InputNode, guards: readonly ScalarNode[]): ScalarNode => {
    const [first, ...others] = guards.filter((condition) => !dependsOn(condition, innermost));
    if (!first) return nodes.input(read.operand, read.at);
    const guard = others.reduce((all, each) => nodes.apply("and", [all, each]), first);
    const asked = leavesOf(guard);
    const at = read.at!.map((index) =>
      [...leavesOf(index)].some((leaf) => asked.has(leaf))
        ? nodes.apply("select", [guard, index, nodes.constant(0)])
        : index,
    );
    const made = nodes.input(read.operand, at);
    if (others.length + 1 === guards.length) safe.add(made);
    return made;
  };
  return visit(root, []);
}
