import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

randn([4, 6, 2]).squeeze(1); // ~ not-size-one
