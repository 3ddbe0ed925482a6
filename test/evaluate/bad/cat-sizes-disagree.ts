import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

cat([randn([2, 3]), randn([2, 4]), randn([2, 3])], { dim: 0 }); // ~ cat-sizes-disagree
