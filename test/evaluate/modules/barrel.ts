export * from "./cycle-b.js";
export * as shapes from "./shapes.js";
export { bump, counter, default as Default, Kind, type Shape, shown as again } from "./shapes.js";
