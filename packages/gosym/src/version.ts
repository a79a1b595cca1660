/** N of "go1.N", also of "devel go1.N-abcdef"; undefined where the text does not say. */
export const goMinor = (version: string | undefined): number | undefined => {
  const digits = version?.match(/\bgo1\.(\d{1,3})(?!\d)/)?.[1];
  return digits === undefined ? undefined : Number(digits);
};
