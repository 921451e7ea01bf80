/** The import of package.json: the build for Node there, the one without GPU code elsewhere. Both have the same interface. */
declare module "#onnxruntime-web" {
  export * from "onnxruntime-web";
}
