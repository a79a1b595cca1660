/** What a program prints, as text that is cut between characters. */
import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import type { HeldProgram } from '@probelens/probes';

/** Resolves when both streams are closed. */
export const pumpOutput = async (
  output: HeldProgram['output'],
  print: (category: 'stdout' | 'stderr', text: string) => void,
): Promise<void> => {
  if (output === undefined) return;
  const pump = async (category: 'stdout' | 'stderr'): Promise<void> => {
    const stream = output[category];
    const decoder = new StringDecoder('utf8');
    stream.on('data', (chunk: Buffer) => {
      const text = decoder.write(chunk);
      if (text !== '') print(category, text);
    });
    await once(stream, 'close');
    const rest = decoder.end();
    if (rest !== '') print(category, rest);
  };
  await Promise.all([pump('stdout'), pump('stderr')]);
};
