"""The seeded random stream that the TypeScript side (`sdk/src/random.ts`) reproduces bit for bit."""

import math

import numpy as np

_TWO_POW_32 = 4294967296
_MASK = 0xFFFFFFFF


class RandomStream:
    """Mulberry32: a 32-bit counter generator of period 2^32. Never for keys or nonces.

    Integers and uniforms are equal in both languages to the last bit. Normal samples pass through `log`, `cos` and
    `sin` of the platform and through float32, and agree to one unit in the last float32 place.

    Args:
        seed: any integer; its lowest 32 bits are used.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def next_uint32(self) -> int:
        """The next 32 random bits, 0 to 2^32 - 1."""
        self._state = (self._state + 0x6D2B79F5) & _MASK
        z = self._state
        z = ((z ^ (z >> 15)) * (z | 1)) & _MASK
        z ^= (z + (z ^ (z >> 7)) * (z | 61)) & _MASK
        return z ^ (z >> 14)

    def uniform(self, low: float, high: float) -> float:
        """Uniform in [low, high): `low + (high - low) * u`, where `u = next_uint32() / 2^32`."""
        return low + (high - low) * (self.next_uint32() / _TWO_POW_32)

    def normal(self, count: int) -> np.ndarray:
        """`count` standard normal samples, float32, one Box-Muller pair per two samples.

        Two outputs `a`, `b` give `u1 = (a + 1) / 2^32`, `u2 = b / 2^32` and the samples
        `sqrt(-2 ln u1) * cos(2 pi u2)`, `sqrt(-2 ln u1) * sin(2 pi u2)`. The second of a last odd pair is dropped.
        """
        samples = np.empty(count, dtype=np.float32)
        for i in range(0, count, 2):
            radius = math.sqrt(-2 * math.log((self.next_uint32() + 1) / _TWO_POW_32))
            angle = 2 * math.pi * (self.next_uint32() / _TWO_POW_32)
            samples[i] = radius * math.cos(angle)
            if i + 1 < count:
                samples[i + 1] = radius * math.sin(angle)
        return samples
