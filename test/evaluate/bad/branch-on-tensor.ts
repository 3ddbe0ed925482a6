import { randn, type Tensor } from "dreamc";

function clip(x: Tensor): Tensor {
  if (x.gt(1)) return x.mul(0); // ~ branch-on-tensor
  return x;
}
clip(randn([3]));
