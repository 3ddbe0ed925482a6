// What was evaluated, in order.
export const log: string[] = [];
export default function note(text: string): string {
  log.push(text);
  return text;
}
