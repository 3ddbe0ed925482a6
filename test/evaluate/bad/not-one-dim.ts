import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

randn([4, 6]).logsumexp({ dim: [0, 1] }); // ~ not-one-dim
