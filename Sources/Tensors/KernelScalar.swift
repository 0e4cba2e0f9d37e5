/// An element type that networks compute in, with its kernels: the element-wise loops, and the convolutions.
///
/// Activations are rows of `channels` elements, (N, T, H, W, C) flattened. The loops are single-threaded and give the
/// same bits on every instruction set; sums run in row order. Documented where they are declared, in CKernels.h.
package protocol KernelScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  /// The convolution kernels of this element type.
  associatedtype Convolution: ConvolutionEngine where Convolution.Scalar == Self

  /// The type's name in safetensors files and on the wire.
  static var elementType: ElementType { get }

  /// Adds Σ (x − shift) and Σ (x − shift)² of every channel to `sum` and `squares`.
  static func statistics(
    _ x: UnsafePointer<Self>, _ rows: Int, _ channels: Int, _ shift: UnsafePointer<Self>,
    _ sum: UnsafeMutablePointer<Double>, _ squares: UnsafeMutablePointer<Double>)
  /// y = x · scale + offset per channel, then ReLU if asked.
  static func normalize(
    _ x: UnsafePointer<Self>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Self>, _ offset: UnsafePointer<Self>,
    _ relu: Bool, _ y: UnsafeMutablePointer<Self>)
  /// y = ReLU(x · scale + offset + residual); the residual is r, or r · rScale + rOffset if given.
  static func normalizeAdd(
    _ x: UnsafePointer<Self>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Self>, _ offset: UnsafePointer<Self>,
    _ r: UnsafePointer<Self>, _ rScale: UnsafePointer<Self>?, _ rOffset: UnsafePointer<Self>?,
    _ y: UnsafeMutablePointer<Self>)
  /// Backward of ReLU, in place: dy = 0 wherever y ≤ 0.
  static func mask(_ dy: UnsafeMutablePointer<Self>, _ y: UnsafePointer<Self>, _ count: Int)
  /// Adds Σ g and Σ g·(x − mean) of every channel, where g is dy, masked by ReLU of x · scale + offset if scale is given.
  static func normalizeSums(
    _ dy: UnsafePointer<Self>, _ x: UnsafePointer<Self>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Self>?,
    _ offset: UnsafePointer<Self>?, _ mean: UnsafePointer<Double>, _ sum: UnsafeMutablePointer<Double>,
    _ products: UnsafeMutablePointer<Double>)
  /// dx = a·g + b·(x − mean) + c per channel, g as in `normalizeSums`; dx may be dy.
  static func normalizeBackward(
    _ dy: UnsafePointer<Self>, _ x: UnsafePointer<Self>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Self>?,
    _ offset: UnsafePointer<Self>?, _ mean: UnsafePointer<Self>, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>,
    _ c: UnsafePointer<Self>, _ dx: UnsafeMutablePointer<Self>)
  /// y += x.
  static func add(_ y: UnsafeMutablePointer<Self>, _ x: UnsafePointer<Self>, _ count: Int)
  /// y (channels) = the mean over `rows` of x.
  static func pool(_ x: UnsafePointer<Self>, _ rows: Int, _ channels: Int, _ y: UnsafeMutablePointer<Self>)
  /// Every row of dx = dy · scale.
  static func poolBackward(
    _ dy: UnsafePointer<Self>, _ rows: Int, _ channels: Int, _ scale: Self, _ dx: UnsafeMutablePointer<Self>)
  /// Adds the bias of every channel to every row.
  static func addBias(_ y: UnsafeMutablePointer<Self>, _ rows: Int, _ channels: Int, _ bias: UnsafePointer<Self>)
  /// y = table[channel · 256 + x] for pixels of three channels.
  static func pixels(
    _ x: UnsafePointer<UInt8>, _ count: Int, _ table: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>)
  /// (channels, positions) → (positions, channels).
  static func channelsLast(_ x: UnsafePointer<Self>, _ channels: Int, _ positions: Int, _ y: UnsafeMutablePointer<Self>)
  /// One step of SGD with momentum on `count` parameters; the gradient is `sum` · scale.
  static func sgd(
    _ w: UnsafeMutablePointer<Self>, _ v: UnsafeMutablePointer<Self>, _ sum: UnsafePointer<Self>, _ count: Int,
    _ scale: Self, _ rate: Self, _ momentum: Self, _ decay: Self, _ nesterov: Bool)
  /// running = keep · running + fraction · (sum · scale).
  static func running(
    _ running: UnsafeMutablePointer<Self>, _ sum: UnsafePointer<Self>, _ count: Int, _ scale: Self, _ keep: Self,
    _ fraction: Self)

  /// to = from, converted to double.
  static func widen(_ from: UnsafePointer<Self>, count: Int, to: UnsafeMutablePointer<Double>)
  /// to = from, rounded to this type.
  static func narrow(_ from: UnsafePointer<Double>, count: Int, to: UnsafeMutablePointer<Self>)
}
