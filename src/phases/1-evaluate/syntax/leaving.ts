// Whether code can leave a function or a loop early: only then do paths have to be joined behind it.
import { ts } from "../frontend.js";

const K = ts.SyntaxKind;

/** Remembers what `find` says of a node. */
function remembered(find: (node: ts.Node) => boolean): (node: ts.Node) => boolean {
  const known = new WeakMap<ts.Node, boolean>();
  return (node) => {
    let found = known.get(node);
    if (found === undefined) known.set(node, (found = find(node)));
    return found;
  };
}

const holds = (node: ts.Node, isWanted: (kind: ts.SyntaxKind) => boolean): boolean =>
  isWanted(node.kind) ||
  (!ts.isFunctionLike(node) && ts.forEachChild(node, (child) => holds(child, isWanted) || undefined) === true);

/** A function body with a `return` inside of another statement. */
export const returnsEarly = remembered((body) =>
  (body as ts.Block).statements.some(
    (statement) => !ts.isReturnStatement(statement) && holds(statement, (kind) => kind === K.ReturnStatement),
  ),
);
/** A loop's statement with a `break` or `continue`. */
export const leavesRound = remembered((statement) =>
  holds(statement, (kind) => kind === K.BreakStatement || kind === K.ContinueStatement),
);
