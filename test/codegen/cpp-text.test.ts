// What reaches C++ reads back as what it was: numbers bit for bit, strings byte for byte, names once each.
import { describe, expect, test } from "vitest";
import {
  CppNames,
  cppComment,
  cppDouble,
  cppFloat,
  cppIdentifier,
  cppInteger,
  cppString,
} from "../../codegen/cpp-text.js";

describe("numbers", () => {
  test.each([
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [3e-4, "0.0003"],
    [1e21, "1e+21"],
    [Number.NaN, "std::numeric_limits<double>::quiet_NaN()"],
    [-Infinity, "-std::numeric_limits<double>::infinity()"],
  ])("double %d", (value, text) => expect(cppDouble(value)).toBe(text));

  test.each([
    [0.1, "0.1f"],
    [1, "1.0f"],
    [1 / 3, "0.33333334f"],
    [1e300, "std::numeric_limits<float>::infinity()"],
    [16777217, "16777216.0f"],
  ])("float %d", (value, text) => expect(cppFloat(value)).toBe(text));

  test("every float literal rounds to the float it was", () => {
    for (const value of [Math.PI, 1e-45, 3.4028234e38, 1 / 7, 2 / 3e10])
      expect(Math.fround(Number(cppFloat(value).slice(0, -1)))).toBe(Math.fround(value));
  });

  test("an integer is one", () => {
    expect(cppInteger(-0)).toBe("0");
    expect(() => cppInteger(0.5)).toThrow(RangeError);
    expect(() => cppInteger(Number.NaN)).toThrow(RangeError);
  });
});

describe("strings", () => {
  test.each([
    ['say "no"\\', '"say \\"no\\"\\\\"'],
    ["a\nb", '"a\\nb"'],
    ["??/", '"\\?\\?/"'],
    ["\u202e1", '"\\342\\200\\2561"'],
    ["naïve", '"naïve"'],
    ["a\0b", 'std::string_view("a\\000b", 3)'],
  ])("%j", (text, literal) => expect(cppString(text)).toBe(literal));

  test("a comment stays on its line", () => {
    expect(cppComment("x = 1; \\\n*/ y \\ ")).toBe("// x = 1; \\ */ y");
  });
});

describe("names", () => {
  test.each([
    ["optimizer.paramGroups.0.lr", "optimizerParamGroups0Lr"],
    ["class", "class_"],
    ["__x", "x"],
    ["0", "value_0"],
    ["größe", "grE"],
    ["", "value"],
  ])("%s", (wanted, name) => expect(cppIdentifier(wanted)).toBe(name));

  test("no name is given twice, in nested scopes neither", () => {
    const outer = new CppNames();
    const inner = new CppNames(outer);
    expect([outer.declare("x"), outer.declare("x"), inner.declare("x"), inner.declare("x2")]).toEqual([
      "x",
      "x2",
      "x3",
      "x2_2",
    ]);
  });
});
