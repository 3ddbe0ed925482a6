// What users import: the language. It is evaluated by the compiler, never run by Node.
export * from "./language/index.js";
