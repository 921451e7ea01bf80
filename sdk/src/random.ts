/** A seeded stream of random numbers that the TypeScript and Python sides reproduce bit for bit. */
export interface RandomStream {
  /** The next 32 random bits, 0 to 2^32 - 1. */
  nextUint32(): number;
  /** Uniform in [low, high): `low + (high - low) * u`, where `u = nextUint32() / 2^32`. */
  uniform(low: number, high: number): number;
  /** Fills `out` with standard normal samples, one Box-Muller pair per two samples. */
  fillNormal(out: Float32Array): void;
}

const TWO_POW_32 = 4294967296;

/**
 * Mulberry32: a 32-bit counter generator of period 2^32, chosen because it is six integer operations in every language.
 * Good for resets and policy noise; never for keys or nonces.
 *
 * Normal samples: `u1 = (a + 1) / 2^32` and `u2 = b / 2^32` of two successive outputs `a`, `b` give
 * `sqrt(-2 ln u1) * cos(2 pi u2)` and then `sqrt(-2 ln u1) * sin(2 pi u2)`. The second of a last odd pair is dropped.
 *
 * @param seed any integer; its lowest 32 bits are used
 */
export function createRandom(seed: number): RandomStream {
  let state = seed >>> 0;
  const nextUint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  };
  return {
    nextUint32,
    uniform: (low, high) => low + (high - low) * (nextUint32() / TWO_POW_32),
    fillNormal(out) {
      for (let i = 0; i < out.length; i += 2) {
        const radius = Math.sqrt(-2 * Math.log((nextUint32() + 1) / TWO_POW_32));
        const angle = 2 * Math.PI * (nextUint32() / TWO_POW_32);
        out[i] = radius * Math.cos(angle);
        if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
      }
    },
  };
}
