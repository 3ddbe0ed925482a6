import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

einsum("abc,cd->abd", randn([2, 3]), randn([3, 4])); // ~ einsum-letters
