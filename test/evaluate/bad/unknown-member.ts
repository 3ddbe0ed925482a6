import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

(randn([3]) as unknown as { reluu(): Tensor }).reluu(); // ~ unknown-member
