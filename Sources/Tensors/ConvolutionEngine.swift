/// The narrow interface behind which convolution kernels live: forward, backward-data, backward-weights.
///
/// Activations are (N, T, H, W, C), weights and their gradients (O, I, kT, kH, kW). Results have the same bits for any
/// number of threads of the pool. An engine owns its scratch memory, made for the shapes given at `init` (and any
/// smaller batch of them): one caller at a time, no allocation per call.
package protocol ConvolutionEngine<Scalar>: AnyObject {
  associatedtype Scalar

  init(shapes: [ConvolutionShape], pool: WorkerPool)

  /// y = x * weights; `output` is overwritten.
  func forward(
    _ shape: ConvolutionShape, input: UnsafePointer<Scalar>, weights: UnsafePointer<Scalar>,
    output: UnsafeMutablePointer<Scalar>)

  /// dx from dy; `inputGradient` is overwritten.
  func backwardData(
    _ shape: ConvolutionShape, outputGradient: UnsafePointer<Scalar>, weights: UnsafePointer<Scalar>,
    inputGradient: UnsafeMutablePointer<Scalar>)

  /// dw from x and dy; `weightGradient` is overwritten.
  func backwardWeights(
    _ shape: ConvolutionShape, input: UnsafePointer<Scalar>, outputGradient: UnsafePointer<Scalar>,
    weightGradient: UnsafeMutablePointer<Scalar>)

  /// Bytes of scratch memory an engine for these shapes and this many threads takes.
  static func scratchBytes(shapes: [ConvolutionShape], threads: Int) -> Int
}
