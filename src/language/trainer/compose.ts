// Classes put together from parts, and functions and classes with some arguments given in advance.
import { isClass } from "../services.js";

type Mixin<From, To> = (Base: From) => To;
/** Applies mixins to a class, from left to right. */
export function compose<A, B>(Base: A, first: Mixin<A, B>): B;
export function compose<A, B, C>(Base: A, first: Mixin<A, B>, second: Mixin<B, C>): C;
export function compose<A, B, C, D>(Base: A, first: Mixin<A, B>, second: Mixin<B, C>, third: Mixin<C, D>): D;
export function compose<A, B, C, D, E>(
  Base: A,
  first: Mixin<A, B>,
  second: Mixin<B, C>,
  third: Mixin<C, D>,
  fourth: Mixin<D, E>,
): E;
export function compose(Base: unknown, ...mixins: readonly Mixin<unknown, unknown>[]): unknown {
  let composed = Base;
  for (const mixin of mixins) composed = mixin(composed);
  return composed;
}

/** `make`, a class or function of one options object, with some options given in advance; later ones win. */
export function partial<Options extends object, Fixed extends Partial<Options>, T>(
  make: (new (options: Options) => T) | ((options: Options) => T),
  fixed: Fixed,
): (given: Omit<Options, keyof Fixed> & Partial<Options>) => T {
  return (given) => {
    const options = { ...fixed, ...given } as unknown as Options;
    return isClass(make)
      ? new (make as new (options: Options) => T)(options)
      : (make as (options: Options) => T)(options);
  };
}
