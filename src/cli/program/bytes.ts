// Amounts for people: memory as the runtime writes it, and counts.

/** 1,572,864 is `1.5 MiB`. */
export function describeBytes(n: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let amount = n;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(amount < 10 ? 2 : 1)} ${units[unit]}`;
}

/** 1,500,000 is `1.50 M`: to be followed by a unit. */
export function describeCount(n: number): string {
  const units = ["", "k", "M", "G", "T", "P"];
  let unit = 0;
  let amount = n;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toPrecision(3)} ${units[unit]}`;
}
