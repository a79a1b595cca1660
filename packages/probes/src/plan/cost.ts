/**
 * What a hit that does not match costs, nanoseconds, by tier. Measured on a Linux 6.18 x86-64 virtual machine with a
 * program that reads one field and compares it; bare metal single-steps about ten times faster.
 */
import type { SiteTier } from './plan.js';

const counted: Readonly<Record<SiteTier, number>> = { 1: 450, 2: 15_000, nop5: 205, emulated: 450, stepped: 15_000 };

/** Reading memory for a condition. */
const judged = 110;

export const costOf = (tier: SiteTier, hasCondition: boolean): number => counted[tier] + (hasCondition ? judged : 0);
