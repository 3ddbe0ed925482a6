import { nn } from "dreamc";

abstract class Head extends nn.Module {}
const make = Head as unknown as new () => Head;
new make(); // ~ abstract-class
