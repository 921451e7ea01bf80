/** Reads the files of one bundle; a directory, a URL or memory. */
export interface BundleReader {
  /** For messages: where the bundle is. */
  readonly location: string;
  /**
   * The whole file.
   *
   * @param file a name as in the manifest, without a directory part
   * @throws {OmpError} BUNDLE_UNREADABLE
   */
  read(file: string): Promise<Uint8Array>;
  /** Path of the file for runtimes that read it themselves, or undefined when it has none. */
  path(file: string): string | undefined;
  /** Lower-case hexadecimal SHA-256. */
  sha256(bytes: Uint8Array): Promise<string>;
}
