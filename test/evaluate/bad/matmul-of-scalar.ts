import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

zeros([]).matmul(randn([2, 2])); // ~ matmul-of-scalar
