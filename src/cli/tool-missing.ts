// A program that dreamc calls is not on this machine.

export class ToolMissing extends Error {
  override readonly name = "ToolMissing";
  constructor(
    readonly tool: string,
    readonly help: string,
  ) {
    super(`${tool} is not on this machine`);
  }
}
