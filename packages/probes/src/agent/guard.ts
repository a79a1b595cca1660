export const runGuard = async (): Promise<number> => 0;
