// A small program without tensors: a loop with prints, a config value, a named part, a kept variable.

import type { HostBlock, HostExpression, HostStatement, HostVariable } from "../../src/ir/host.js";
import { defaultLayout } from "../../src/ir/layout.js";
import type { Program } from "../../src/ir/program.js";

const number = (value: number): HostExpression => ({ kind: "literal", value });
const text = (value: string): HostExpression => ({ kind: "literal", value });
const read = (variable: HostVariable): HostExpression => ({ kind: "read", variable });
const local = (name: string): HostVariable => ({ name, type: "number", kept: false, initial: null });
const assign = (variable: HostVariable, value: HostExpression): HostStatement => ({
  kind: "assign",
  variable,
  value,
  origin: null,
});

const globalStep: HostVariable = { name: "trainer.globalStep", type: "number", kept: true, initial: number(0) };
const round = local("round");
const rate = local("class");

const trainingStep: HostBlock = [
  {
    kind: "if",
    condition: {
      kind: "binary",
      operator: "===",
      left: { kind: "binary", operator: "%", left: read(round), right: number(2) },
      right: number(1),
    },
    then: [{ kind: "leave", label: "trainingStep.end", origin: null }],
    otherwise: [],
    origin: null,
  },
  assign(rate, {
    kind: "math",
    fn: "round",
    args: [{ kind: "binary", operator: "*", left: read(rate), right: number(1.5) }],
  }),
  {
    kind: "print",
    isLine: true,
    parts: [text("step"), read(globalStep), text("rate"), { kind: "toFixed", value: read(rate), digits: 2 }],
    origin: null,
  },
];

export const handMadeProgram: Program<"local"> = {
  level: "local",
  name: "counting",
  file: "counting.ts",
  config: [
    { path: "rounds", value: 5, fixed: false, schema: { type: "integer", minimum: 1, maximum: 100 } },
    { path: "hiddenSize", value: 8, fixed: true, schema: { type: "integer", exclusiveMinimum: 0 } },
  ],
  mesh: { degrees: { pp: 1, dpReplicate: "auto", dpShard: 1, microbatch: 1, cp: 1, tp: 1 } },
  precision: { compute: "f32", reduce: "f32" },
  modules: [],
  states: [],
  plan: { states: new Map(), batch: new Map(), marks: new Map() },
  variables: [globalStep],
  loaders: [],
  layout: defaultLayout,
  computedBatches: [],
  graphs: new Map(),
  main: [
    { kind: "let", variable: round, value: number(0), origin: null },
    { kind: "let", variable: rate, value: number(1), origin: null },
    {
      kind: "while",
      label: "rounds",
      condition: { kind: "binary", operator: "<", left: read(round), right: { kind: "config", path: "rounds" } },
      body: [
        { kind: "scope", name: "trainingStep", label: "trainingStep.end", body: trainingStep, origin: null },
        assign(globalStep, { kind: "binary", operator: "+", left: read(globalStep), right: number(1) }),
        assign(round, { kind: "binary", operator: "+", left: read(round), right: number(1) }),
      ],
      origin: null,
    },
    {
      kind: "print",
      isLine: true,
      parts: [text("half is"), { kind: "binary", operator: "/", left: read(rate), right: number(2) }],
      origin: null,
    },
  ],
};
