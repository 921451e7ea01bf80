import { DepthCloud, type DepthCloudSpec, type DepthImage } from "./depth-cloud.ts";
import { ImageTensor, type ImageTensorSpec } from "./image-tensor.ts";

/** What a camera's raw frames are and what a sample is made of them. Plain data, so that another thread can do it. */
export type FrameSpec =
  | ({ readonly kind: "image" } & ImageTensorSpec)
  /** Depth, one little-endian number a pixel. */
  | ({ readonly kind: "depth"; readonly format: "uint16" | "float32" } & DepthCloudSpec);

/** Makes samples of raw frames. */
export interface FrameConverter {
  readonly frameBytes: number;
  /** Numbers in a sample. */
  readonly size: number;
  /**
   * @param frame `frameBytes` bytes, aligned to 4
   * @returns false when the frame holds no sample
   */
  convert(frame: Readonly<Uint8Array>, out: Float32Array): boolean;
}

/** @throws {OmpError} INVALID_ARGUMENT */
export function createFrameConverter(spec: FrameSpec): FrameConverter {
  if (spec.kind === "image") {
    const tensor = new ImageTensor(spec);
    return {
      frameBytes: tensor.frameBytes,
      size: tensor.size,
      convert: (frame, out) => {
        tensor.make(frame, out);
        return true;
      },
    };
  }
  const cloud = new DepthCloud(spec);
  const { width, height } = spec.camera;
  const pixelBytes = spec.format === "uint16" ? 2 : 4;
  // A triple buffer has three frames; each is looked at through the same view every time.
  const views = new WeakMap<Readonly<Uint8Array>, DepthImage>();
  const look = ({ buffer, byteOffset }: Readonly<Uint8Array>): DepthImage =>
    spec.format === "uint16"
      ? new Uint16Array(buffer, byteOffset, width * height)
      : new Float32Array(buffer, byteOffset, width * height);
  return {
    frameBytes: width * height * pixelBytes,
    size: 3 * spec.points,
    convert: (frame, out) => {
      const depth = views.get(frame) ?? look(frame);
      views.set(frame, depth);
      return cloud.make(depth, out);
    },
  };
}
