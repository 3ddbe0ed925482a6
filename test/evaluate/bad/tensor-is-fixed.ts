import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

(randn([3]) as unknown as { shape: number[] }).shape = [1, 3]; // ~ tensor-is-fixed
