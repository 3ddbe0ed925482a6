import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

randn([4, 6]).sum({ dim: 2 }); // ~ no-such-dim
