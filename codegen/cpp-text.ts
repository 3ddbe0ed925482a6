// How numbers, strings, names and comments are written in C++: the one file through which they reach generated code.

/** A double literal that reads back as exactly this value. */
export function cppDouble(value: number): string {
  if (Number.isNaN(value)) return "std::numeric_limits<double>::quiet_NaN()";
  if (!Number.isFinite(value)) return `${value < 0 ? "-" : ""}std::numeric_limits<double>::infinity()`;
  if (Object.is(value, -0)) return "-0.0";
  return withPoint(String(value));
}

/** A float literal: the nearest float32. */
export function cppFloat(value: number): string {
  const rounded = Math.fround(value);
  if (Number.isNaN(rounded)) return "std::numeric_limits<float>::quiet_NaN()";
  if (!Number.isFinite(rounded)) return `${rounded < 0 ? "-" : ""}std::numeric_limits<float>::infinity()`;
  if (Object.is(rounded, -0)) return "-0.0f";
  return `${withPoint(shortestFloat(rounded))}f`;
}

const withPoint = (text: string): string => (/[.e]/.test(text) ? text : `${text}.0`);

/** The shortest decimal that is nearest to this float32 and no other. */
function shortestFloat(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}

/** An integer literal. Throws a RangeError if the number is not an integer that a double holds exactly. */
export function cppInteger(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not an integer that C++ gets exactly`);
  return String(value === 0 ? 0 : value);
}

export const cppBoolean = (value: boolean): string => (value ? "true" : "false");

/** A string literal in UTF-8. Invisible characters are escaped, so that the source shows what it holds. */
export function cppString(text: string): string {
  const literal = `"${[...text].map(cppCharacter).join("")}"`;
  return text.includes("\0") ? `std::string_view(${literal}, ${Buffer.byteLength(text)})` : literal;
}

function cppCharacter(character: string): string {
  const named = namedEscapes.get(character);
  if (named !== undefined) return named;
  if (character !== " " && /[\p{C}\p{Z}]/u.test(character)) return octalBytes(character);
  return character;
}

const namedEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["?", "\\?"],
  ["\n", "\\n"],
  ["\t", "\\t"],
  ["\r", "\\r"],
]);

/** Octal escapes have at most three digits, so that the next character is never taken for one of theirs. */
const octalBytes = (character: string): string =>
  [...Buffer.from(character, "utf8")].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");

/** The text of a comment that stays on its line: no line break, and no backslash that would continue it. */
export const cppComment = (text: string): string =>
  `// ${text.replace(/\s+/gu, " ").replace(/\p{C}/gu, "").trim()}`.replace(/[\\\s]+$/u, "").replace(/\?\?\//g, "??");

/** Hands out C++ names near the user's own. None is a word of the language, and none is given twice in one scope. */
export class CppNames {
  readonly #taken = new Set<string>();

  /** `outer`: the names of the surrounding scope are not given again. */
  constructor(
    readonly outer: CppNames | null = null,
    taken: Iterable<string> = [],
  ) {
    for (const name of taken) this.#taken.add(name);
  }

  isTaken(name: string): boolean {
    return this.#taken.has(name) || (this.outer?.isTaken(name) ?? false);
  }

  /** `optimizer.paramGroups.0.lr` becomes `optimizerParamGroups0Lr`; a second one gets a number behind it. */
  declare(wanted: string): string {
    const base = cppIdentifier(wanted);
    let name = base;
    for (let count = 2; this.isTaken(name); count++) name = `${base}${/\d$/.test(base) ? "_" : ""}${count}`;
    this.#taken.add(name);
    return name;
  }

  /** The scope of a name has ended: it may be given again. */
  release(name: string): void {
    this.#taken.delete(name);
  }
}

/** A valid identifier near `wanted`: camelCase over what cannot stand in one, never a word of C++. */
export function cppIdentifier(wanted: string): string {
  const words = wanted.split(/[^A-Za-z0-9_]+/).filter((word) => word !== "");
  const joined = words.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join("");
  // Names with a double underscore, or with an underscore and a capital in front, belong to the compiler.
  const plain = joined.replace(/_+/g, "_").replace(/^_+/, "");
  const started = /^[A-Za-z]/.test(plain) ? plain : `value${plain === "" ? "" : `_${plain}`}`;
  return reserved.has(started) ? `${started}_` : started;
}

const reserved: ReadonlySet<string> = new Set(
  `alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class compl
  concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do
  double dynamic_cast else enum explicit export extern false float for friend goto if import inline int long main module
  mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
  reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch template this
  thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
  xor_eq final override size_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t ptrdiff_t
  std dream NULL EOF errno assert stdin stdout stderr INFINITY NAN M_PI M_E unix linux i386`.split(/\s+/),
);
