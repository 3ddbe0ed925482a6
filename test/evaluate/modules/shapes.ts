import note from "./log.js";

note("shapes");
export interface Shape {
  readonly sides: number;
}
export class Square implements Shape {
  readonly sides = 4;
}
export enum Kind {
  Round,
  Square,
}
export let counter = 0;
export const bump = (): number => ++counter;
const hidden = "renamed";

export { hidden as shown };
export default class Named extends Square {}
