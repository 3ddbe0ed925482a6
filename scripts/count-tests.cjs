// Prints `passed failed skipped` of a test runner's report. usage: node count-tests.cjs vitest|junit FILE
const { readFileSync } = require("node:fs");

const countVitest = (text) => {
  const report = JSON.parse(text);
  // A file that cannot be loaded has no tests to fail.
  const crashed = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some(({ status }) => status === "failed"),
  );
  const failed = report.numFailedTests + crashed.length;
  return [report.numPassedTests, failed, report.numPendingTests + report.numTodoTests];
};

const countJUnit = (text) => {
  const suite = /<testsuite\b[^>]*>/.exec(text)[0];
  const count = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)[1]);
  const [failed, skipped] = [count("failures"), count("skipped") + count("disabled")];
  return [count("tests") - failed - skipped, failed, skipped];
};

const [format, file] = process.argv.slice(2);
const counts = { vitest: countVitest, junit: countJUnit }[format](readFileSync(file, "utf8"));
if (!counts.every(Number.isInteger)) throw new Error(`${file} has no counts`);
console.log(counts.join(" "));
