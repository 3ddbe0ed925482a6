import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

arange(3).mul(0.5); // ~ integers-meet-a-fraction
