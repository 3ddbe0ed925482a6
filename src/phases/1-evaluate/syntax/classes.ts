// Classes become JavaScript constructor functions whose bodies are evaluated: inheritance, `instanceof`, builtins as
// bases and mixins then mean what they mean in JavaScript.
import type { Evaluation } from "../evaluation.js";
import { ts } from "../frontend.js";
import { type FunctionContext, Scope } from "../scope.js";
import { evaluate } from "./expressions.js";
import { functionName, functionValue, runBody } from "./functions.js";
import { defineProperty, propertyKey } from "./properties.js";
import { run } from "./statements.js";

type Constructor = (new (...args: unknown[]) => object) & { prototype: object };

const isStatic = (node: ts.ClassElement): boolean =>
  ts.canHaveModifiers(node) && (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) ?? false);
const isDeclared = (node: ts.ClassElement): boolean =>
  ts.canHaveModifiers(node) &&
  (node.modifiers?.some(
    ({ kind }) => kind === ts.SyntaxKind.DeclareKeyword || kind === ts.SyntaxKind.AbstractKeyword,
  ) ??
    false);

export function classValue(node: ts.ClassLikeDeclaration, scope: Scope, ev: Evaluation, givenName: string): unknown {
  const name = node.name?.text ?? givenName;
  if (ts.canHaveDecorators(node) && ts.getDecorators(node)?.length) throw ev.unsupported("decorator", node);
  const heritage = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
  const base = heritage ? (evaluate(heritage.expression, scope, ev) as Constructor | null) : null;
  if (heritage && typeof base !== "function") throw ev.failAt(heritage, "not-a-class", heritage.getText());
  const classScope = scope.inner();
  const constructorNode = node.members.find(
    (member): member is ts.ConstructorDeclaration => ts.isConstructorDeclaration(member) && member.body !== undefined,
  );
  const fields: { key: PropertyKey; node: ts.PropertyDeclaration }[] = [];
  const isAbstract = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword) ?? false;

  const initializeFields = (self: object): void => {
    for (const { name: parameter, modifiers } of constructorNode?.parameters ?? [])
      if (modifiers?.length && ts.isIdentifier(parameter)) defineProperty(self, parameter.text, undefined, ev);
    for (const { key, node: field } of fields) {
      const inner = new Scope(classScope, contextOf(self, Class.prototype, undefined));
      const value = field.initializer
        ? (functionName(field.initializer, String(key), inner, ev) ??
          ev.call(name, () => evaluate(field.initializer!, inner, ev)))
        : undefined;
      defineProperty(self, key, value, ev);
    }
  };
  const build = (args: readonly unknown[], newTarget: Constructor): object => {
    if (isAbstract && newTarget === (Class as unknown)) throw ev.fail("abstract-class", name);
    if (!base) {
      const self = ev.journal.born(Object.create(newTarget.prototype as object) as object);
      initializeFields(self);
      if (constructorNode) {
        const inner = new Scope(classScope, contextOf(self, Class.prototype, newTarget));
        assignParameterProperties(constructorNode, self, args, inner, ev);
        return chosen(runBody(constructorNode, inner, args, ev, name), self);
      }
      return self;
    }
    const context: Mutable = { ...contextOf(undefined, Class.prototype, newTarget), isThisReady: false };
    context.construct = (given) => {
      if (context.isThisReady) throw new ReferenceError("Super constructor may only be called once");
      const parent = Object.getPrototypeOf(Class) as Constructor;
      context.thisValue = ev.journal.born(Reflect.construct(parent, given, newTarget) as object);
      context.isThisReady = true;
      initializeFields(context.thisValue as object);
      if (constructorNode)
        assignParameterProperties(constructorNode, context.thisValue as object, args, classScope, ev);
    };
    let returned: unknown;
    if (constructorNode) returned = runBody(constructorNode, new Scope(classScope, context), args, ev, name);
    else context.construct([...args]);
    if (isObject(returned)) return returned;
    if (!context.isThisReady)
      throw new ReferenceError(
        "Must call super constructor in derived class before accessing 'this' or returning from derived constructor",
      );
    return context.thisValue as object;
  };
  const Class = function (this: unknown, ...args: unknown[]): object {
    if (!new.target) throw new TypeError(`Class constructor ${name} cannot be invoked without 'new'`);
    return build(args, new.target as unknown as Constructor);
  } as unknown as Constructor;
  Object.defineProperty(Class, "name", { value: name, configurable: true });
  const prototype = Object.create(base ? (base.prototype as object) : Object.prototype) as object;
  Object.defineProperty(prototype, "constructor", { value: Class, writable: true, configurable: true });
  Object.defineProperty(Class, "prototype", { value: prototype, writable: false });
  Object.setPrototypeOf(Class, base ?? Function.prototype);
  ev.evaluated.add(Class);
  ev.classes.set(Class, node.name ?? node);
  if (node.name) {
    const own = ev.journal.variable(node.name.text, true);
    own.value = Class;
    classScope.declare(own);
  }
  for (const member of node.members)
    if (member.name && ts.isPrivateIdentifier(member.name) && !classScope.own(member.name.text)) {
      const symbol = ev.journal.variable(member.name.text, true);
      symbol.value = Symbol(member.name.text);
      classScope.declare(symbol);
    }
  defineMembers(node, Class, classScope, fields, ev);
  return ev.journal.born(Class);
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";
/** A constructor that returns an object makes that one. */
const chosen = (returned: unknown, self: object): object => (isObject(returned) ? returned : self);

type Mutable = { -readonly [K in keyof FunctionContext]: FunctionContext[K] };
const contextOf = (thisValue: unknown, home: object, newTarget: unknown): FunctionContext => ({
  thisValue,
  isThisReady: true,
  home,
  newTarget,
  construct: null,
});

function defineMembers(
  node: ts.ClassLikeDeclaration,
  Class: Constructor,
  scope: Scope,
  fields: { key: PropertyKey; node: ts.PropertyDeclaration }[],
  ev: Evaluation,
): void {
  const statics: (() => void)[] = [];
  for (const member of node.members) {
    const home = isStatic(member) ? (Class as unknown as object) : Class.prototype;
    const memberScope = new Scope(scope, contextOf(Class, Class as unknown as object, undefined));
    if (ts.isMethodDeclaration(member)) {
      if (!member.body) continue;
      const key = propertyKey(member.name, memberScope, ev);
      const value = functionValue(member, scope, ev, nameOf(key), home);
      Object.defineProperty(home, key, { value, writable: true, enumerable: false, configurable: true });
    } else if (ts.isGetAccessorDeclaration(member) || ts.isSetAccessorDeclaration(member)) {
      if (!member.body) continue;
      const key = propertyKey(member.name, memberScope, ev);
      const accessor = functionValue(member, scope, ev, nameOf(key), home) as () => unknown;
      const own = Object.getOwnPropertyDescriptor(home, key);
      const isGetter = ts.isGetAccessorDeclaration(member);
      const [get, set] = [isGetter ? accessor : own?.get, isGetter ? own?.set : (accessor as (value: unknown) => void)];
      const descriptor = { enumerable: false, configurable: true, ...(get && { get }), ...(set && { set }) };
      Object.defineProperty(home, key, descriptor);
    } else if (ts.isPropertyDeclaration(member)) {
      if (isDeclared(member)) continue;
      const key = propertyKey(member.name, memberScope, ev);
      if (isStatic(member))
        statics.push(() => {
          const value = member.initializer
            ? (functionName(member.initializer, String(key), memberScope, ev) ??
              evaluate(member.initializer, memberScope, ev))
            : undefined;
          defineProperty(Class, key, value, ev);
        });
      else fields.push({ key, node: member });
    } else if (ts.isClassStaticBlockDeclaration(member))
      statics.push(() => void run(member.body.statements, memberScope.inner(), ev));
    else if (
      !ts.isConstructorDeclaration(member) &&
      !ts.isSemicolonClassElement(member) &&
      !ts.isIndexSignatureDeclaration(member)
    )
      throw ev.failAt(member, "not-supported", "this member");
  }
  for (const initialize of statics) initialize();
}
const nameOf = (key: PropertyKey): string => (typeof key === "symbol" ? (key.description ?? "") : String(key));

/** `constructor(readonly x: number)` sets `this.x`. */
function assignParameterProperties(
  node: ts.ConstructorDeclaration,
  self: object,
  args: readonly unknown[],
  scope: Scope,
  ev: Evaluation,
): void {
  node.parameters.forEach((parameter, i) => {
    if (!parameter.modifiers?.length || !ts.isIdentifier(parameter.name)) return;
    const given = args[i];
    const value = given === undefined && parameter.initializer ? evaluate(parameter.initializer, scope, ev) : given;
    defineProperty(self, parameter.name.text, value, ev);
  });
}
