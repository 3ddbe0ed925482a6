import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

F.embedding(randn([2, 3]), randn([10, 4])); // ~ operands-do-not-fit
