// Purpose: microbatches become an axis, so that every rule of placement holds for them: what is a sum over microbatches is
// known to be one, and what is whole over them is made once. Needs: a logical program with gradients. Leaves: the same
// with the number of microbatches in its mesh.
import type { Program } from "../../ir/program.js";

export function cutTime(program: Program<"logical">): Program<"logical"> {
  const { pipeline } = program.layout;
  if (pipeline === null) return program;
  return { ...program, mesh: { degrees: { ...program.mesh.degrees, microbatch: pipeline.numMicrobatches } } };
}
