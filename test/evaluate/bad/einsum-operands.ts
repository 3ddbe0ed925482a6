import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

einsum("ab,bc,cd->ad", randn([2, 2]), randn([2, 2]), randn([2, 2])); // ~ einsum-operands
