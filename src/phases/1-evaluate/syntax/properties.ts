// Properties: reading with a clear word on what is missing, writing through the journal, private names.
import { nearestName } from "../../../diagnostics/nearest-name.js";
import { defineCell, Fresh } from "../cells.js";
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import { pin, RunTime } from "../run-time.js";
import type { Scope } from "../scope.js";
import { checked, evaluate } from "./expressions.js";

export function propertyKey(name: ts.PropertyName, scope: Scope, ev: Evaluation): PropertyKey {
  if (ts.isIdentifier(name) || ts.isStringLiteral(name) || ts.isNoSubstitutionTemplateLiteral(name)) return name.text;
  if (ts.isNumericLiteral(name)) return String(Number(name.text));
  if (ts.isPrivateIdentifier(name)) return readPrivate(name, scope, ev);
  if (ts.isBigIntLiteral(name)) throw ev.unsupported("bigint");
  const key = evaluate(name.expression, scope, ev);
  return typeof key === "symbol" ? key : String(key);
}

function readPrivate(name: ts.PrivateIdentifier, scope: Scope, ev: Evaluation): symbol {
  const found = scope.find(name.text);
  if (found === null || typeof found === "function") throw ev.fail("unknown-name", name.text, null);
  return found.value as symbol;
}

const forbidden = new Set(["constructor", "__proto__", "caller", "callee", "arguments"]);

export function getProperty(object: unknown, key: PropertyKey, ev: Evaluation): unknown {
  if (object === null || object === undefined)
    throw new TypeError(`Cannot read properties of ${object} (reading '${String(key)}')`);
  if (object instanceof RunTime) {
    if (key === "toFixed" && object.type === "number")
      return (digits: unknown = 0) =>
        new RunTime(
          { kind: "toFixed", value: object.expression, digits: Number(digits) },
          "string",
          object.known === undefined ? undefined : (object.known as number).toFixed(Number(digits)),
        );
    if (key === "toString")
      return () =>
        new RunTime(
          { kind: "binary", operator: "+", left: { kind: "literal", value: "" }, right: object.expression },
          "string",
          object.known === undefined ? undefined : String(object.known),
        );
    return getProperty(pin(object), key, ev);
  }
  if (typeof object === "function" && forbidden.has(String(key)))
    throw ev.fail("not-supported", `${String(key)} of a function`);
  const holder = Object(object) as Record<PropertyKey, unknown>;
  if (!(key in holder)) {
    if (ev.intrinsics.isTensor(object) || isMath(object))
      throw ev.fail(
        "unknown-member",
        isMath(object) ? "Math" : "a tensor",
        String(key),
        nearestName(String(key), memberNames(holder)),
      );
    if (typeof key === "symbol" && key.description?.startsWith("#"))
      throw new TypeError(
        `Cannot read private member ${key.description} from an object whose class did not declare it`,
      );
  }
  const value = Reflect.get(holder, key, object);
  return checked(value, ev);
}

function* memberNames(object: object): Generator<string> {
  for (let at: object | null = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
    yield* Object.getOwnPropertyNames(at).filter((name) => name !== "constructor" && !name.startsWith("_"));
}

/** An own property, as literals and class fields define it. */
export function defineProperty(object: object, key: PropertyKey, value: unknown, ev: Evaluation): void {
  if (becomesCell(object, key, value, ev)) return;
  const enumerable = typeof key !== "symbol" || !key.description?.startsWith("#");
  Object.defineProperty(object, key, { value, writable: true, enumerable, configurable: true });
}

/** A value made by `runtime` gets a host variable of its own, unless its holder is older than the branch or loop it is made in. */
function becomesCell(object: object, key: PropertyKey, value: unknown, ev: Evaluation): boolean {
  if (!(value instanceof Fresh) || Array.isArray(object) || !ev.flow.isInside(ev.journal.birthOf(object))) return false;
  defineCell(object, key, ev.flow.cell(String(typeof key === "symbol" ? key.description : key), value));
  return true;
}

/** `object[key] = value`: a setter where there is one, else an own property. */
export function setProperty(object: unknown, key: PropertyKey, value: unknown, ev: Evaluation): void {
  if (object === null || object === undefined)
    throw new TypeError(`Cannot set properties of ${object} (setting '${String(key)}')`);
  if (typeof object !== "object" && typeof object !== "function") throw ev.unsupported("property-of-plain-value");
  if (ev.intrinsics.isTensor(object)) throw ev.fail("tensor-is-fixed");
  for (let at: object | null = object; at; at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, key);
    if (!descriptor) continue;
    if (descriptor.set) {
      descriptor.set.call(object, value);
      return;
    }
    if (descriptor.get || descriptor.writable === false)
      throw new TypeError(
        descriptor.get
          ? `Cannot set property ${String(key)} of ${object} which has only a getter`
          : `Cannot assign to read only property '${String(key)}' of object`,
      );
    break;
  }
  if (!Object.isExtensible(object) && !Object.hasOwn(object, key))
    throw new TypeError(`Cannot add property ${String(key)}, object is not extensible`);
  if (becomesCell(object, key, value, ev)) return;
  if (Array.isArray(object)) {
    ev.journal.note(ev.journal.collection(object));
    Reflect.set(object, key, value);
  } else ev.journal.write(ev.journal.property(object, key), value);
}

export function superProperty(key: string, scope: Scope, ev: Evaluation): unknown {
  const { home, thisValue } = scope.context;
  if (home === null) throw ev.fail("not-supported", "super here");
  return Reflect.get(Object.getPrototypeOf(home) as object, key, thisValue);
}

const isMath = (object: unknown): boolean => Object.prototype.toString.call(object) === "[object Math]";
