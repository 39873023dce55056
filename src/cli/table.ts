// Columns that line up, for people.

export interface TableOptions {
  /** Columns, from 0, whose cells are numbers: they line up at the right. */
  readonly numbers?: readonly number[];
}

/** One line for each row, each ending in a line feed. Colours in the cells are not counted. */
export function tableText(rows: readonly (readonly string[])[], { numbers = [] }: TableOptions = {}): string {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell));
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => {
        const padding = " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell));
        return numbers.includes(column) ? padding + cell : cell + padding;
      });
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}
