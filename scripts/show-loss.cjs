// Draws how the loss of a run fell. usage: node show-loss.cjs METRICS-FILE
const { readFileSync } = require("node:fs");

const numRows = 12;
const width = 40;
const events = readFileSync(process.argv[2], "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const losses = events
  .filter(({ event, metrics }) => event === "train" && metrics && "loss" in metrics)
  .map(({ step, metrics }) => ({ step, loss: metrics.loss }));
if (losses.length === 0) throw new Error(`${process.argv[2]} has no losses`);

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
// Means over equal pieces of the run.
const size = Math.max(1, Math.ceil(losses.length / numRows));
const rows = [];
for (let at = 0; at < losses.length; at += size) {
  const piece = losses.slice(at, at + size);
  rows.push({ step: piece.at(-1).step, loss: mean(piece.map(({ loss }) => loss)) });
}
const most = Math.max(...rows.map(({ loss }) => loss));
for (const { step, loss } of rows)
  console.log(
    `${String(step).padStart(6)}  ${loss.toFixed(3).padStart(7)}  ${"#".repeat(Math.round((width * loss) / most))}`,
  );
const [first, last] = [losses[0].loss, rows.at(-1).loss];
console.log(`loss ${first.toFixed(3)} in the first step, ${last.toFixed(3)} in the last ones`);
if (!(last < first)) throw new Error("the loss did not fall");
