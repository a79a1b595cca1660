/** The picture in the README is one of this demo, and was made when everything held. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../delve.js';
import { drawPicture, headingsOf } from './picture.js';
import { pictured } from './sections.js';

const path = 'test/demo/demo.svg';
const picture = readFileSync(join(root, path), 'utf8');

describe('the picture of the demo', () => {
  it('shows the sections that the demo has now; `npm run demo:record` makes it again', () => {
    expect(headingsOf(picture)).toEqual(pictured);
  });

  it('shows no claim that did not hold, and the ratio', () => {
    expect(picture).not.toContain('FAILED');
    expect(picture.match(/>ok</g)?.length).toBeGreaterThan(8);
    expect(picture).toMatch(/the kernel is [\d,]+ times cheaper/);
    expect(picture).toMatch(/Delve stopped: breakpoint/);
  });

  it('is in the README', () => {
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`](${path})`);
  });

  it('shows text as it is', () => {
    const svg = drawPicture('t', [[{ text: 'a < b && "c"', tone: 'heading' }], []]);
    expect(headingsOf(svg)).toEqual(['a < b && "c"']);
    expect(svg).toContain('a &lt; b &amp;&amp; "c"');
  });
});
