import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

randn([3]).gt(0).eq(runtime(1)); // ~ bool-meets-a-number
