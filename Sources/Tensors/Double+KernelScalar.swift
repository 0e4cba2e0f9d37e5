internal import CKernels

extension Double: KernelScalar {
  package typealias Convolution = ReferenceConvolution

  package static var elementType: ElementType { .float64 }

  package static func statistics(
    _ x: UnsafePointer<Double>, _ rows: Int, _ channels: Int, _ shift: UnsafePointer<Double>,
    _ sum: UnsafeMutablePointer<Double>, _ squares: UnsafeMutablePointer<Double>
  ) {
    sluice_statistics_f64(x, Int64(rows), Int64(channels), shift, sum, squares)
  }

  package static func normalize(
    _ x: UnsafePointer<Double>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Double>,
    _ offset: UnsafePointer<Double>, _ relu: Bool, _ y: UnsafeMutablePointer<Double>
  ) {
    sluice_normalize_f64(x, Int64(rows), Int64(channels), scale, offset, relu, y)
  }

  package static func normalizeAdd(
    _ x: UnsafePointer<Double>, _ rows: Int, _ channels: Int, _ scale: UnsafePointer<Double>,
    _ offset: UnsafePointer<Double>, _ r: UnsafePointer<Double>, _ rScale: UnsafePointer<Double>?,
    _ rOffset: UnsafePointer<Double>?, _ y: UnsafeMutablePointer<Double>
  ) {
    sluice_normalize_add_f64(x, Int64(rows), Int64(channels), scale, offset, r, rScale, rOffset, y)
  }

  package static func mask(_ dy: UnsafeMutablePointer<Double>, _ y: UnsafePointer<Double>, _ count: Int) {
    sluice_mask_f64(dy, y, Int64(count))
  }

  package static func normalizeSums(
    _ dy: UnsafePointer<Double>, _ x: UnsafePointer<Double>, _ rows: Int, _ channels: Int,
    _ scale: UnsafePointer<Double>?, _ offset: UnsafePointer<Double>?, _ mean: UnsafePointer<Double>,
    _ sum: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>
  ) {
    sluice_normalize_sums_f64(dy, x, Int64(rows), Int64(channels), scale, offset, mean, sum, products)
  }

  package static func normalizeBackward(
    _ dy: UnsafePointer<Double>, _ x: UnsafePointer<Double>, _ rows: Int, _ channels: Int,
    _ scale: UnsafePointer<Double>?, _ offset: UnsafePointer<Double>?, _ mean: UnsafePointer<Double>,
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ c: UnsafePointer<Double>,
    _ dx: UnsafeMutablePointer<Double>
  ) {
    sluice_normalize_backward_f64(dy, x, Int64(rows), Int64(channels), scale, offset, mean, a, b, c, dx)
  }

  package static func add(_ y: UnsafeMutablePointer<Double>, _ x: UnsafePointer<Double>, _ count: Int) {
    sluice_add_f64(y, x, Int64(count))
  }

  package static func pool(_ x: UnsafePointer<Double>, _ rows: Int, _ channels: Int, _ y: UnsafeMutablePointer<Double>)
  {
    sluice_pool_f64(x, Int64(rows), Int64(channels), y)
  }

  package static func poolBackward(
    _ dy: UnsafePointer<Double>, _ rows: Int, _ channels: Int, _ scale: Double, _ dx: UnsafeMutablePointer<Double>
  ) {
    sluice_pool_backward_f64(dy, Int64(rows), Int64(channels), scale, dx)
  }

  package static func addBias(
    _ y: UnsafeMutablePointer<Double>, _ rows: Int, _ channels: Int, _ bias: UnsafePointer<Double>
  ) {
    sluice_add_bias_f64(y, Int64(rows), Int64(channels), bias)
  }

  package static func pixels(
    _ x: UnsafePointer<UInt8>, _ count: Int, _ table: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>
  ) {
    sluice_pixels_f64(x, Int64(count), table, y)
  }

  package static func channelsLast(
    _ x: UnsafePointer<Double>, _ channels: Int, _ positions: Int, _ y: UnsafeMutablePointer<Double>
  ) {
    sluice_channels_last_f64(x, Int64(channels), Int64(positions), y)
  }

  package static func sgd(
    _ w: UnsafeMutablePointer<Double>, _ v: UnsafeMutablePointer<Double>, _ sum: UnsafePointer<Double>, _ count: Int,
    _ scale: Double, _ rate: Double, _ momentum: Double, _ decay: Double, _ nesterov: Bool
  ) {
    sluice_sgd_f64(w, v, sum, Int64(count), scale, rate, momentum, decay, nesterov)
  }

  package static func running(
    _ running: UnsafeMutablePointer<Double>, _ sum: UnsafePointer<Double>, _ count: Int, _ scale: Double,
    _ keep: Double, _ fraction: Double
  ) {
    sluice_running_f64(running, sum, Int64(count), scale, keep, fraction)
  }

  package static func widen(_ from: UnsafePointer<Double>, count: Int, to: UnsafeMutablePointer<Double>) {
    for index in 0..<count { to[index] = Double(from[index]) }
  }

  package static func narrow(_ from: UnsafePointer<Double>, count: Int, to: UnsafeMutablePointer<Double>) {
    for index in 0..<count { to[index] = Double(from[index]) }
  }
}
