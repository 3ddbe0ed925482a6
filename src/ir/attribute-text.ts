// The text of an op's attributes: JSON with bare keys and with the numbers that JSON lacks, `{dims: [0, 1], fill: -Infinity}`.

export type Attribute = number | boolean | string | null | readonly Attribute[] | { readonly [key: string]: Attribute };

const isBare = (key: string): boolean => /^[A-Za-z_$][\w$]*$/.test(key);

/** Throws an `Error` on anything that is no plain data: attributes are. */
export function showAttribute(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(showAttribute).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, item]) => `${isBare(key) ? key : JSON.stringify(key)}: ${showAttribute(item)}`)
      .join(", ")}}`;
  throw new Error(`an attribute cannot be a ${typeof value}`);
}

/** A place in a text. `take` moves it over what it is given, or fails. */
export class Cursor {
  at = 0;
  constructor(readonly text: string) {}

  get rest(): string {
    return this.text.slice(this.at);
  }
  get isDone(): boolean {
    return this.at >= this.text.length;
  }
  fail(wanted: string): never {
    throw new Error(`"${this.text}": ${wanted} was expected at column ${this.at + 1}`);
  }
  /** Whether `literal` comes next; if so it is taken. */
  has(literal: string): boolean {
    if (!this.text.startsWith(literal, this.at)) return false;
    this.at += literal.length;
    return true;
  }
  take(literal: string): void {
    if (!this.has(literal)) this.fail(`"${literal}"`);
  }
  /** What matches `pattern` (which is sticky) here, or null. */
  find(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match) this.at += match[0].length;
    return match;
  }
  need(pattern: RegExp, wanted: string): string {
    return this.find(pattern)?.[0] ?? this.fail(wanted);
  }
  list<T>(item: () => T, separator = ", "): T[] {
    const items = [item()];
    while (this.has(separator)) items.push(item());
    return items;
  }
}

/** The reverse of `showAttribute`. */
export function parseAttribute(cursor: Cursor): Attribute {
  if (cursor.has("[]")) return [];
  if (cursor.has("[")) {
    const items = cursor.list(() => parseAttribute(cursor));
    cursor.take("]");
    return items;
  }
  if (cursor.has("{}")) return {};
  if (cursor.has("{")) {
    const entries = cursor.list((): [string, Attribute] => {
      const key = cursor.find(/[A-Za-z_$][\w$]*/y)?.[0] ?? parseString(cursor);
      cursor.take(": ");
      return [key, parseAttribute(cursor)];
    });
    cursor.take("}");
    return Object.fromEntries(entries);
  }
  if (cursor.rest.startsWith('"')) return parseString(cursor);
  if (cursor.has("true")) return true;
  if (cursor.has("false")) return false;
  if (cursor.has("null")) return null;
  return Number(cursor.need(/-?(?:Infinity|NaN|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/y, "an attribute"));
}

/** A string in double quotes. */
export const parseString = (cursor: Cursor): string =>
  JSON.parse(cursor.need(/"(?:[^"\\]|\\.)*"/y, "a string")) as string;
