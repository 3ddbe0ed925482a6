// types
import { randn } from "dreamc";

const [x, y] = [randn([3]), randn([3])];
const sum = x + y; // ~ TS2365
const scaled = 2 * x; // ~ TS2363
