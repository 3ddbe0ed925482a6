// What can be wrong with shapes, dims and element types of tensors.
import { listed, type Sizes, say, shown } from "./say.js";

export const tensorMessages = {
  "shapes-do-not-broadcast": (op: string, shapes: readonly Sizes[], dim: number, sizes: Sizes) =>
    say(
      `${op} of ${listed(shapes.map(shown))}: dim ${dim} is ${listed(sizes.map(String))}`,
      "sizes must be equal, or 1 to be repeated",
    ),
  "matmul-sizes-disagree": (a: Sizes, b: Sizes, inner: number, other: number) =>
    say(
      `matmul of ${shown(a)} and ${shown(b)}: dim -1 of the first is ${inner}, dim -2 of the second ${other}`,
      "the last dim of the first operand is summed with the second to last of the second",
    ),
  "matmul-of-scalar": (a: Sizes, b: Sizes) => say(`matmul of ${shown(a)} and ${shown(b)}`, "use mul for scalars"),
  "matmul-of-number": () => say("matmul takes a tensor", "use mul for numbers"),
  "cat-sizes-disagree": (dim: number, shapes: readonly Sizes[]) =>
    say(`cat along dim ${dim} of ${listed(shapes.map(shown))}`, "all other dims must be equal"),
  "cat-of-nothing": () => say("cat of no tensors", "give it at least one"),
  "view-does-not-fit": (from: Sizes, numElements: number, given: Sizes) =>
    say(
      `${shown(from)} has ${numElements} elements, which do not fit the shape ${shown(given)}`,
      "one size may be -1: it is then computed",
    ),
  "view-of-nothing": (from: Sizes) =>
    say(
      `${shown(from)} has no elements, so there is nothing to view otherwise`,
      "look where the size 0 comes from: a slice may start at the end of its dim",
    ),
  "not-a-shape": (shape: Sizes) => say(`${shown(shape)} is not a shape`, "sizes are whole numbers"),
  "cannot-expand": (from: Sizes, to: Sizes) =>
    say(`${shown(from)} does not expand to ${shown(to)}`, "only dims of size 1 are repeated; new dims come in front"),
  "no-such-dim": (dim: number, numDims: number) =>
    say(
      `dim ${dim} of a tensor with ${numDims} dims`,
      numDims > 0 ? `dims go from ${-numDims} to ${numDims - 1}` : null,
    ),
  "not-one-dim": (op: string, numDims: number) => say(`${op} runs over one dim, not ${numDims}`, "name one dim"),
  "not-a-permutation": (dims: Sizes, numDims: number) =>
    say(`permute([${dims.join(", ")}]) of a tensor with ${numDims} dims`, "name every dim once"),
  "not-a-matrix": (shape: Sizes) => say(`t() of a tensor of shape ${shown(shape)}`, "use transpose(a, b)"),
  "not-size-one": (dim: number, shape: Sizes) =>
    say(`squeeze(${dim}) of a tensor of shape ${shown(shape)}`, "only dims of size 1 can go"),
  "sizes-do-not-add-up": (sizes: Sizes, dim: number, size: number) =>
    say(`split into ${shown(sizes)} of dim ${dim} with size ${size}`, "the sizes must add up to that of the dim"),
  "not-a-picture": (shape: Sizes) => say(`pictures are [B, C, H, W], not ${shown(shape)}`, "bring it into that shape"),
  "convolution-does-not-fit": (x: Sizes, weight: Sizes, groups: number) =>
    say(
      `a convolution of ${shown(x)} with ${shown(weight)} in ${groups} groups`,
      "x is [B, C, H, W], the weight [O, C / groups, kh, kw]",
    ),
  "einsum-operands": (equation: string, numOperands: number) =>
    say(`einsum("${equation}") has ${numOperands} operands`, "it takes one or two, each with its letters"),
  "einsum-letters": (equation: string, letters: string, shape: Sizes) =>
    say(`einsum("${equation}"): ${letters} for a tensor of shape ${shown(shape)}`, "each dim has one letter"),
  "batch-has-other-rows": (field: string, shape: Sizes, size: number) =>
    say(
      `${field} of a generated batch has shape ${shown(shape)}, not ${size} samples along dim 0`,
      "generate(batchSize) gives tensors of batchSize rows",
    ),
  "operands-do-not-fit": (what: string) => say(what, "look at the shapes and element types of the operands"),
  "dtypes-disagree": (op: string, a: string, b: string) =>
    say(`${op} of ${a} and ${b}`, "convert one of them with .to(dtype)"),
  "integers-meet-a-fraction": (value: number) => say(`an i32 tensor meets ${value}`, "convert it with .float() first"),
  "bool-meets-a-number": () => say("a bool tensor meets a number", "convert it with .to(dtype)"),
  "only-for-floats": (op: string, dtype: string, help: string) => say(`${op} of a ${dtype} tensor`, help),
  "not-an-operand": (what: string) => say(`a tensor meets ${what}`, "operands are tensors and numbers"),
  "not-a-scalar": (shape: Sizes) =>
    say(`item() reads tensors of one element, not ${shown(shape)}`, "reduce it first, e.g. by mean()"),
  "not-printable": () =>
    say("only numbers, texts and tensors of one element can be printed or logged", "reduce it first, e.g. by mean()"),
  "operator-on-tensor": (operator: string, help: string) => say(`tensors have no operator ${operator}`, help),
  "branch-on-tensor": () =>
    say(
      "a branch cannot depend on the elements of a tensor",
      "choose elementwise with F.where(condition, a, b), or read one number with .item()",
    ),
  "tensor-in-text": () => say("a tensor cannot become text", "write `.item()` to read the number of a scalar tensor"),
  "tensor-is-fixed": () =>
    say("a tensor's properties cannot be set", "parameters and buffers change by copy_ and its kin"),
} as const;
