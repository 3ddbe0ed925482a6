import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

const text = `loss ${randn([])}`; // ~ tensor-in-text
