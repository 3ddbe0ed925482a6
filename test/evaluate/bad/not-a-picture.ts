import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

F.maxPool2d(randn([4, 6]), 2); // ~ not-a-picture
