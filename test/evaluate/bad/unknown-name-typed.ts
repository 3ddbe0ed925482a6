// types
import { Lineer, nn } from "dreamc"; // ~ TS2305

const layer = new nn.Linear(1, 2);
layer.forwrd(); // ~ TS2551
