// Every message, by an id that says the fault. Written once, here; where a fault is found its numbers are given.

import { languageMessages } from "./messages/language.js";
import { layoutMessages } from "./messages/layouts.js";
import { programMessages } from "./messages/programs.js";
import { runTimeMessages } from "./messages/run-time.js";
import { tensorMessages } from "./messages/tensors.js";

export const messages = {
  ...tensorMessages,
  ...languageMessages,
  ...runTimeMessages,
  ...programMessages,
  ...layoutMessages,
} as const;

export type MessageId = keyof typeof messages;
export type MessageArguments<I extends MessageId> = Parameters<(typeof messages)[I]>;
