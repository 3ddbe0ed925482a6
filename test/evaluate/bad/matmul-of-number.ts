import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

randn([2, 2]).matmul(3 as unknown as Tensor); // ~ matmul-of-number
