/**
 * The fixture "bursts" among 60,000 functions that are never called: a Go program of some 50 MB with its debug information.
 * Written and built once, which takes a minute or two, and kept in .cache.
 */
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { root } from '../delve.js';
import { fixtureSources } from '../fixture-build.js';

const packages = 24;
const functionsEach = 1_000;
/** Part of the directory's name: raise it when the text below changes. */
const edition = 3;

/** Some branches, a call, a loop and a few types, so that code, line tables and debug information have their usual shares. */
const functionText = (number: number): string => `
type R${number} struct { Name string; Count int; Price float64; Next *R${number}; Tags []string }

func F${number}(in int, name string, all []R${number}) (out R${number}, err error) {
	for i, each := range all {
		if each.Count%${number + 2} == in && each.Next != nil {
			out.Price += each.Price * float64(i+${number})
			out.Tags = append(out.Tags, each.Next.Tags...)
		} else if len(each.Name) > ${number % 50} {
			out.Name += each.Name[:${(number % 7) + 1}] + name
		}
	}
	if out.Count = in * ${number + 3}; out.Count < 0 {
		return out, fmt.Errorf("record ${number} of %s has %d", name, in)
	}
	return out, nil
}
`;

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, number) => number);

const packageText = (name: string): string =>
  [
    `package ${name}\n\nimport "fmt"`,
    ...numbers(functionsEach).map(functionText),
    `// All holds them in the program.\nvar All = [...]any{${numbers(functionsEach).map((number) => `F${number}`)}}\n`,
  ].join('\n');

/** Path of the program. */
export const largeProgram = async (): Promise<string> => {
  const directory = join(root, `.cache/fixtures/large-${edition}`);
  const program = join(directory, 'bursts');
  const built = await execa('test', ['-x', program], { reject: false });
  if (built.exitCode === 0) return program;
  const work = `${directory}.${process.pid}`;
  const names = numbers(packages).map((number) => `pad${number}`);
  try {
    await mkdir(work, { recursive: true });
    for (const file of ['go.mod', 'main.go']) await copyFile(join(fixtureSources('bursts'), file), join(work, file));
    for (const name of names) {
      await mkdir(join(work, name));
      await writeFile(join(work, name, 'all.go'), packageText(name));
    }
    const imports = names.map((name) => `\t"probelens.example/bursts/${name}"`).join('\n');
    const kept = names.map((name) => `\tlen(${name}.All),`).join('\n');
    const used = names.map((name) => `\t${name}.All[len(os.Args)%len(${name}.All)],`).join('\n');
    await writeFile(
      join(work, 'padding.go'),
      `package main\n\nimport (\n\t"os"\n${imports}\n)\n\nvar _ = []int{\n${kept}\n}\n\nvar padding = []any{\n${used}\n}\n`,
    );
    await execa('go', ['build', '-o', 'bursts', '.'], { cwd: work, env: { GOWORK: 'off', GOFLAGS: '-mod=mod' } });
    for (const name of names) await rm(join(work, name), { recursive: true });
    await rename(work, directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return program;
};
