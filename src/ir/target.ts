// What a program runs on.

export const targets = ["cpu", "cuda"] as const;
export type Target = (typeof targets)[number];
