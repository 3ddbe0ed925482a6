import { cat, F, full, nn, ones, randn, rankZeroPrint, runtime, tensor, zeros, einsum, arange, type Tensor } from "dreamc";

(runtime(1) as unknown as string) < "a"; // ~ run-time-operator
