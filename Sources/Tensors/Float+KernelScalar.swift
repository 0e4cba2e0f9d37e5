internal import CKernels

extension Float: KernelScalar {
  package typealias Convolution = KernelConvolution

  package static var elementType: ElementType { .float32 }

  package static func statistics(
    _ x: UnsafePointer<Float>, _ rows: Int, _ channels: Int, _ shift: UnsafePointer<Float>,
    _ sum: UnsafeMutablePointer<Double>, _ squares: UnsafeMutablePointer<Double>
  ) {
    sluice_statistics_f32(x, Int64(rows), Int64(channels), shift, sum, squares)
  }

  package static func normalize(
    _ x: UnsafePointer<Float>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Float>,
    _ offset: UnsafePointer<Float>, _ relu: Bool, _ y: UnsafeMutablePointer<Float>
  ) {
    sluice_normalize_f32(x, Int64(rows), Int64(channels), scale, offset, relu, y)
  }

  package static func normalizeAdd(
    _ x: UnsafePointer<Float>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Float>,
    _ offset: UnsafePointer<Float>, _ r: UnsafePointer<Float>, _ rScale: UnsafePointer<Float>?,
    _ rOffset: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
  ) {
    sluice_normalize_add_f32(x, Int64(rows), Int64(channels), scale, offset, r, rScale, rOffset, y)
  }

  package static func mask(_ dy: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) {
    sluice_mask_f32(dy, y, Int64(count))
  }

  package static func normalizeSums(
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Float>?,
    _ offset: UnsafePointer<Float>?, _ mean: UnsafePointer<Double>, _ sum: UnsafeMutablePointer<Double>,
    _ products: UnsafeMutablePointer<Double>
  ) {
    sluice_normalize_sums_f32(dy, x, Int64(rows), Int64(channels), scale, offset, mean, sum, products)
  }

  package static func normalizeBackward(
    _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Float>?,
    _ offset: UnsafePointer<Float>?, _ mean: UnsafePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ c: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    sluice_normalize_backward_f32(dy, x, Int64(rows), Int64(channels), scale, offset, mean, a, b, c, dx)
  }

  package static func add(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ count: Int) {
    sluice_add_f32(y, x, Int64(count))
  }

  package static func pool(_ x: UnsafePointer<Float>, _ rows: Int, _ channels: Int, _ y: UnsafeMutablePointer<Float>) {
    sluice_pool_f32(x, Int64(rows), Int64(channels), y)
  }

  package static func poolBackward(
    _ dy: UnsafePointer<Float>, _ rows: Int, _ channels: Int, _ scale: Float, _ dx: UnsafeMutablePointer<Float>
  ) {
    sluice_pool_backward_f32(dy, Int64(rows), Int64(channels), scale, dx)
  }

  package static func addBias(
    _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ channels: Int, _ bias: UnsafePointer<Float>
  ) {
    sluice_add_bias_f32(y, Int64(rows), Int64(channels), bias)
  }

  package static func pixels(
    _ x: UnsafePointer<UInt8>, _ count: Int, _ table: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    sluice_pixels_f32(x, Int64(count), table, y)
  }

  package static func channelsLast(
    _ x: UnsafePointer<Float>, _ channels: Int, _ positions: Int, _ y: UnsafeMutablePointer<Float>
  ) {
    sluice_channels_last_f32(x, Int64(channels), Int64(positions), y)
  }

  package static func sgd(
    _ w: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>, _ sum: UnsafePointer<Float>, _ count: Int,
    _ scale: Float, _ rate: Float, _ momentum: Float, _ decay: Float, _ nesterov: Bool
  ) {
    sluice_sgd_f32(w, v, sum, Int64(count), scale, rate, momentum, decay, nesterov)
  }

  package static func running(
    _ running: UnsafeMutablePointer<Float>, _ sum: UnsafePointer<Float>, _ count: Int, _ scale: Float, _ keep: Float,
    _ fraction: Float
  ) {
    sluice_running_f32(running, sum, Int64(count), scale, keep, fraction)
  }

  package static func widen(_ from: UnsafePointer<Float>, count: Int, to: UnsafeMutablePointer<Double>) {
    for index in 0..<count { to[index] = Double(from[index]) }
  }

  package static func narrow(_ from: UnsafePointer<Double>, count: Int, to: UnsafeMutablePointer<Float>) {
    for index in 0..<count { to[index] = Float(from[index]) }
  }
}
