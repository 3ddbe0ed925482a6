// Something that dreamc calls, or compiles programs with, is not on this machine.

export class MissingTool extends Error {
  override readonly name = "MissingTool";
  constructor(
    /** For people: `g++`, `oneDNN`. */
    readonly tool: string,
    readonly help: string,
  ) {
    super(`${tool} is not on this machine`);
  }
}
