// TypeScript itself. It is loaded by `require`: as an import of an ES module, Node would first search its nine megabytes
// for the names that it exports, which takes longer than to run it.
import ts = require("typescript");

export { ts };
