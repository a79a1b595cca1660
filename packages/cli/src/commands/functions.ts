import { listFunctions, openGoBinary } from '@probelens/gosym';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { printBytes } from '../output.js';

const pattern = (text: string): RegExp => {
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`--match "${text}" is not a regular expression.`);
    throw error;
  }
};

export const functions: Command = {
  usage: `probelens functions BINARY [--match REGEX] [--inlined] [--generated] [--json]

  --match REGEX  only functions whose name it finds
  --inlined      the places where each function was inlined as well
  --generated    functions that the compiler made as well
  --json         one object a line: {name, entry, size, file, line, offset}`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['BINARY'], {
      match: { type: 'string' },
      inlined: { type: 'boolean' },
      generated: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const [path = ''] = positionals;
    const match = values.match === undefined ? undefined : pattern(values.match);
    const binary = await openGoBinary(path);
    try {
      const options = {
        inlined: values.inlined ?? false,
        generated: values.generated ?? false,
        json: values.json ?? false,
      };
      listFunctions(binary, match === undefined ? options : { ...options, match }, printBytes);
    } finally {
      binary.close();
    }
    return exitCode.done;
  },
};
