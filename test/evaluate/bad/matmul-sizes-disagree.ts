import { randn, type Tensor } from "dreamc";

const project = (x: Tensor, weight: Tensor): Tensor => x.matmul(weight); // ~ matmul-sizes-disagree
const model = (x: Tensor): Tensor => project(project(x, randn([4, 8])), randn([9, 1]));
model(randn([2, 4]));
