import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

randn([4, 3]).add(randn([4, 2])); // ~ shapes-do-not-broadcast
