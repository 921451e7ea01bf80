import { ErrorCode, OmpError } from "../errors.ts";

/** Bytes of a pixel, by name as GStreamer and FFmpeg know them (there `RGBx`, `rgb0` and so on). */
export const pixelFormats = {
  rgb8: { bytes: 3, red: 0, green: 1, blue: 2 },
  bgr8: { bytes: 3, red: 2, green: 1, blue: 0 },
  rgbx8: { bytes: 4, red: 0, green: 1, blue: 2 },
  bgrx8: { bytes: 4, red: 2, green: 1, blue: 0 },
  gray8: { bytes: 1, red: 0, green: 0, blue: 0 },
} as const;
export type PixelFormat = keyof typeof pixelFormats;

/** What becomes of a camera's picture; all of it must be what the policy was trained with. Plain data. */
export interface ImageTensorSpec {
  readonly format: PixelFormat;
  /** Of the picture, pixels; rows follow one another without padding. */
  readonly width: number;
  readonly height: number;
  /** The part that is kept, pixels; all of it when left out. */
  readonly crop?: Readonly<Record<"x" | "y" | "width" | "height", number>>;
  /** Size of the tensor, pixels; the part is scaled to it. */
  readonly outWidth: number;
  readonly outHeight: number;
}

/** For each output pixel, the source pixels it is the weighted mean of. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `stride` weights an output pixel. */
  readonly weights: Float64Array;
  readonly stride: number;
}

const CHANNELS = 3;

/**
 * Picture → crop → scale → [3, height, width] of RGB in [0, 1], as pictures are imported for training.
 *
 * Scaling is linear, over a triangle as wide as two output pixels where it shrinks: within 5 of 255 (mean below 1) of FFmpeg's `bilinear`, which
 * the import uses, and exact where the size stays. Memory is fixed at construction; a call allocates nothing.
 */
export class ImageTensor {
  /** Bytes of a picture. */
  readonly frameBytes: number;
  /** Numbers of the tensor. */
  readonly size: number;
  readonly #spec: ImageTensorSpec;
  readonly #columns: Taps;
  readonly #rows: Taps;
  /** Source rows, scaled in width. */
  readonly #narrow: Float64Array;
  readonly #offsets: Int32Array;
  readonly #top: number;
  readonly #cropHeight: number;

  /** @throws {OmpError} INVALID_ARGUMENT */
  constructor(spec: ImageTensorSpec) {
    const { format, width, height, outWidth, outHeight } = spec;
    const crop = spec.crop ?? { x: 0, y: 0, width, height };
    const sizes = [width, height, crop.width, crop.height, outWidth, outHeight];
    const isInside =
      [crop.x, crop.y].every((value) => Number.isInteger(value) && value >= 0) &&
      crop.x + crop.width <= width &&
      crop.y + crop.height <= height;
    const isSized = sizes.every((value) => Number.isInteger(value) && value > 0);
    if (!isSized || !isInside || !Object.hasOwn(pixelFormats, format)) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "an image tensor cannot be made",
        observed: JSON.stringify(spec),
        expected: `whole sizes above 0, a crop inside the picture, a format of ${Object.keys(pixelFormats).join(", ")}`,
      });
    }
    const { bytes, red, green, blue } = pixelFormats[format];
    this.frameBytes = width * height * bytes;
    this.size = CHANNELS * outWidth * outHeight;
    this.#spec = spec;
    this.#columns = createTaps(crop.width, outWidth, crop.x);
    this.#rows = createTaps(crop.height, outHeight, 0);
    this.#narrow = new Float64Array(crop.height * outWidth);
    this.#offsets = Int32Array.of(red, green, blue);
    this.#top = crop.y;
    this.#cropHeight = crop.height;
  }

  /**
   * @param frame `frameBytes` bytes
   * @param out `size` numbers, channel by channel, row by row
   * @throws {OmpError} INVALID_ARGUMENT when an array is too short
   */
  make(frame: Readonly<Uint8Array>, out: Float32Array): void {
    if (frame.length < this.frameBytes || out.length < this.size) {
      throw new OmpError(ErrorCode.InvalidArgument, {
        what: "a picture or its tensor has the wrong size",
        observed: `${frame.length} bytes, room for ${out.length} numbers`,
        expected: `${this.frameBytes} bytes, ${this.size} numbers`,
      });
    }
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      this.#scaleRows(frame, this.#offsets[channel] ?? 0);
      this.#scaleColumns(out, channel);
    }
  }

  #scaleRows(frame: Readonly<Uint8Array>, offset: number): void {
    const { width, format, outWidth } = this.#spec;
    const { bytes } = pixelFormats[format];
    const { first, count, weights, stride } = this.#columns;
    for (let row = 0; row < this.#cropHeight; row += 1) {
      const from = (this.#top + row) * width;
      for (let column = 0; column < outWidth; column += 1) {
        const taps = count[column] ?? 0;
        let at = (from + (first[column] ?? 0)) * bytes + offset;
        let sum = 0;
        for (let tap = column * stride; tap < column * stride + taps; tap += 1, at += bytes) {
          sum += (weights[tap] ?? 0) * (frame[at] ?? 0);
        }
        this.#narrow[row * outWidth + column] = sum;
      }
    }
  }

  #scaleColumns(out: Float32Array, channel: number): void {
    const { outWidth, outHeight } = this.#spec;
    const { first, count, weights, stride } = this.#rows;
    for (let row = 0; row < outHeight; row += 1) {
      const taps = count[row] ?? 0;
      const to = (channel * outHeight + row) * outWidth;
      for (let column = 0; column < outWidth; column += 1) {
        let at = (first[row] ?? 0) * outWidth + column;
        let sum = 0;
        for (let tap = row * stride; tap < row * stride + taps; tap += 1, at += outWidth) {
          sum += (weights[tap] ?? 0) * (this.#narrow[at] ?? 0);
        }
        out[to + column] = sum / 255;
      }
    }
  }
}

/** @param offset added to the index of every source pixel */
function createTaps(size: number, outSize: number, offset: number): Taps {
  const scale = size / outSize;
  const radius = Math.max(scale, 1);
  const stride = 2 * Math.ceil(radius) + 1;
  const taps = {
    first: new Int32Array(outSize),
    count: new Int32Array(outSize),
    weights: new Float64Array(outSize * stride),
    stride,
  };
  for (let out = 0; out < outSize; out += 1) {
    const centre = (out + 0.5) * scale - 0.5;
    const from = Math.max(0, Math.ceil(centre - radius));
    const to = Math.min(size - 1, Math.floor(centre + radius));
    const weights: number[] = [];
    for (let i = from; i <= to; i += 1) weights.push(1 - Math.abs(i - centre) / radius);
    // The ends have no weight, and past the border there is nothing: what is left counts as much as the whole.
    const sum = weights.reduce((total, weight) => total + weight, 0);
    taps.first[out] = from + offset;
    taps.count[out] = weights.length;
    taps.weights.set(
      weights.map((weight) => weight / sum),
      out * stride,
    );
  }
  return taps;
}
