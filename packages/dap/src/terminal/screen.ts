/** Where text for the person goes. A line editor writes it above its prompt, a script just writes it. */

export interface Screen {
  /** Whole lines; a line end is added. */
  print(text: string): void;
  /** What the program wrote, cut wherever its writes were cut. */
  programText(text: string): void;
  readonly color: boolean;
  /** Characters in a line, for what is printed in columns. */
  readonly width: number;
}

const paint = (screen: Screen, code: number, text: string): string =>
  screen.color ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold = (screen: Screen, text: string): string => paint(screen, 1, text);
export const dim = (screen: Screen, text: string): string => paint(screen, 2, text);
export const cyan = (screen: Screen, text: string): string => paint(screen, 36, text);
