import { randn } from "dreamc";

// biome-ignore lint: the types are cheated on purpose
const [x, y] = [randn([3]) as any, randn([3]) as any];
const sum = x + y; // ~ operator-on-tensor
