import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

randn([4, 6]).split([1, 2], { dim: 1 }); // ~ sizes-do-not-add-up
