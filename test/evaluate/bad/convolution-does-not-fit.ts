import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

F.conv2d(randn([1, 3, 8, 8]), randn([4, 2, 3, 3])); // ~ convolution-does-not-fit
