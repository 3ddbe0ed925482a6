// The form of a message: what is wrong, with the numbers, and the way out where there is one.

export interface Said {
  readonly message: string;
  readonly help: string | null;
}
export const say = (message: string, help: string | null = null): Said => ({ message, help });

export type Sizes = readonly number[];
/** `[2, 3]` */
export const shown = (shape: Sizes): string => `[${shape.join(", ")}]`;
/** `a, b and c` */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
export const suggestion = (near: string | null): string | null => (near === null ? null : `did you mean ${near}?`);
