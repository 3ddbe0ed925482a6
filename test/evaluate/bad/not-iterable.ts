import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

for (const row of randn([3, 2]) as unknown as Iterable<Tensor>) row.sum(); // ~ not-iterable
